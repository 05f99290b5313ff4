import fc from 'fast-check';

/** Texts that tend to break paths, in any order and number. */
export const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '..',
        '.',
        '/',
        '//',
        '\\',
        '%2e',
        '%2F',
        '%5c',
        '%00',
        '%',
        'C:',
        '~',
        '\0',
        '\n',
        '\u0085',
        ' ',
      ),
      fc.constantFrom(
        'a',
        'file.txt',
        'Grüße',
        '日本',
        '🚀',
        'e\u0301',
        '\u202E',
        '\uD800',
        '\uFFFE',
        '?',
        '#',
        '&',
        "'",
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
