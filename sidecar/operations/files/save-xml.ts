import Type from 'typebox';
import { defineOperation } from '../operation.ts';
import { etag, FILES_PATH, path, place, xmlContent } from './file-members.ts';
import { save, saving } from './file-services.ts';

export const saveXml = defineOperation({
  ...saving,
  name: 'SaveXML',
  summary: 'Writes XML to a file, in UTF-8.',
  path: `${FILES_PATH}/xml`,
  input: Type.Object({ ...place, path, content: xmlContent('The XML.'), etag }),
  run: (context, input) => save(context, input, Buffer.from(input.content)),
});
