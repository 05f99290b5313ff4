import Type from 'typebox';
import { defineOperation } from '../operation.ts';
import { DONE, FILES_PATH, path, place } from './file-members.ts';
import { filesOf, saving } from './file-services.ts';

export const writeToTextFile = defineOperation({
  ...saving,
  name: 'WriteToTextFile',
  summary:
    'Writes a text over what a file has at an offset, and beyond its end; without a file one is made. Writers at the same time lose nothing.',
  method: 'POST',
  errors: [...saving.errors, 'RANGE_NOT_SATISFIABLE'],
  path: `${FILES_PATH}/text-file-writes`,
  input: Type.Object({
    ...place,
    path,
    data: Type.Optional(Type.String({ default: '', description: 'The text.' })),
    offset: Type.Optional(
      Type.Number({
        minimum: 0,
        multipleOf: 1,
        default: 0,
        description: 'Where it is written, in bytes; at most the size of the file.',
      }),
    ),
  }),
  async run(context, input) {
    const data = Buffer.from(input.data ?? '');
    await filesOf(context, input).writeAt(input.path, data, input.offset ?? 0, context.signal);
    return DONE;
  },
});
