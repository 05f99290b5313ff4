import Type from 'typebox';
import { JsonValue } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';
import { etag, FILES_PATH, path, place } from './file-members.ts';
import { save, saving } from './file-services.ts';

export const saveJson = defineOperation({
  ...saving,
  name: 'SaveJSON',
  summary: 'Writes JSON to a file.',
  path: `${FILES_PATH}/json`,
  input: Type.Object({
    ...place,
    path,
    content: JsonValue({ description: 'The JSON; {"array": [...]} is written as an array.' }),
    etag,
  }),
  run: (context, input) => save(context, input, Buffer.from(JSON.stringify(input.content))),
});
