import Type from 'typebox';
import { ConnectorError } from '../../errors/connector-error.ts';
import { INLINE_BODY_BYTES, MAX_INLINE_BYTES, STORAGE_ERRORS } from '../../files/types.ts';
import { defineOperation } from '../operation.ts';
import { FILE_FORMATS } from './file-formats.ts';
import {
  boundMembers,
  DONE,
  Done,
  etag,
  FILE_SERVICE,
  FILES_PATH,
  filesOf,
  overwrite,
  path,
} from './file-members.ts';

/** LoadText, LoadJSON and so on: one for each format. */
export const LOADING = FILE_FORMATS.map(({ name, route, load }) =>
  defineOperation({
    ...FILE_SERVICE,
    name: `Load${name}`,
    role: 'viewer',
    summary: load.summary,
    method: 'GET',
    path: `${FILES_PATH}/${route}`,
    input: Type.Object({ ...boundMembers, path }),
    output: Type.Object({ content: load.content }),
    result: 'content',
    errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_NOT_FOUND', 'FILE_TOO_LARGE', ...load.errors],
    async run(context, input) {
      const content = await filesOf(context, input).read(input.path, context.signal);
      return { content: load.decode(content, input.path) };
    },
  }),
);

const writing = {
  ...FILE_SERVICE,
  output: Done,
  noResult: true,
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_TOO_LARGE', 'PRECONDITION_FAILED'],
  largeBody: {
    maxBytes: INLINE_BODY_BYTES,
    refuse: () =>
      new ConnectorError(
        'FILE_TOO_LARGE',
        `The limit for files through ThingWorx is ${MAX_INLINE_BYTES} bytes. Use CreateUploadLink or the streaming route of the sidecar.`,
        { details: { maxBytes: MAX_INLINE_BYTES } },
      ),
  },
} as const;

/** SaveText, SaveJSON and so on: one for each format. */
export const SAVING = FILE_FORMATS.map(({ name, route, save }) =>
  defineOperation({
    ...writing,
    name: `Save${name}`,
    role: 'engineer',
    summary: save.summary,
    method: 'PUT',
    path: `${FILES_PATH}/${route}`,
    input: Type.Object({ ...boundMembers, path, content: save.content, etag }),
    async run(context, input) {
      const bytes = save.encode(input.content);
      await filesOf(context, input).write(input.path, bytes, { ifMatch: input.etag }, context.signal);
      return DONE;
    },
  }),
);

/** Of what reads, changes and writes: the file may be a folder, or appear each time that it is written. */
const CHANGE_ERRORS = [...writing.errors, 'FILE_EXISTS'] as const;

/** Required: a misspelt parameter, which ThingWorx drops, would write an empty text. */
function textData(description: string) {
  return Type.String({ minLength: 0, description: `${description} It may be empty.` });
}

export const createTextFile = defineOperation({
  ...writing,
  name: 'CreateTextFile',
  role: 'engineer',
  summary: 'Creates a text file in UTF-8.',
  method: 'POST',
  path: `${FILES_PATH}/text`,
  input: Type.Object({ ...boundMembers, path, data: textData('The text.'), overwrite }),
  errors: [...STORAGE_ERRORS, 'PATH_INVALID', 'FILE_TOO_LARGE', 'FILE_EXISTS'],
  async run(context, input) {
    const options = input.overwrite ? {} : { ifNoneMatch: '*' };
    await filesOf(context, input).write(input.path, Buffer.from(input.data), options, context.signal);
    return DONE;
  },
});

export const appendToText = defineOperation({
  ...writing,
  name: 'AppendToText',
  role: 'engineer',
  summary:
    'Appends a text to a file and creates the file if it does not exist. Concurrent writers lose nothing.',
  method: 'POST',
  path: `${FILES_PATH}/text-append`,
  input: Type.Object({ ...boundMembers, path, data: textData('The text to append.') }),
  errors: CHANGE_ERRORS,
  async run(context, input) {
    await filesOf(context, input).append(input.path, Buffer.from(input.data), context.signal);
    return DONE;
  },
});

export const appendToTextFile = defineOperation({
  ...appendToText,
  name: 'AppendToTextFile',
  path: `${FILES_PATH}/text-file-append`,
});

export const writeToTextFile = defineOperation({
  ...writing,
  name: 'WriteToTextFile',
  role: 'engineer',
  summary:
    'Overwrites a file with a text from an offset on, extends it if needed, and creates the file if it does not exist. Concurrent writers lose nothing.',
  method: 'POST',
  errors: [...CHANGE_ERRORS, 'RANGE_NOT_SATISFIABLE'],
  path: `${FILES_PATH}/text-file-writes`,
  input: Type.Object({
    ...boundMembers,
    path,
    data: textData('The text.'),
    offset: Type.Optional(
      Type.Number({
        minimum: 0,
        multipleOf: 1,
        default: 0,
        description: 'The offset in bytes; at most the size of the file.',
      }),
    ),
  }),
  async run(context, input) {
    const data = Buffer.from(input.data);
    await filesOf(context, input).writeAt(input.path, data, input.offset ?? 0, context.signal);
    return DONE;
  },
});
