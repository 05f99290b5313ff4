import Type from 'typebox';
import { defineOperation } from '../operation.ts';
import { etag, FILES_PATH, path, place, textContent } from './file-members.ts';
import { save, saving } from './file-services.ts';

export const saveText = defineOperation({
  ...saving,
  name: 'SaveText',
  summary: 'Writes a text to a file, in UTF-8.',
  path: `${FILES_PATH}/text`,
  input: Type.Object({ ...place, path, content: textContent, etag }),
  run: (context, input) => save(context, input, Buffer.from(input.content ?? '')),
});
