import { handWritten } from '../generate/scripts.ts';
import type { ServiceDefinition } from './model.ts';

/** What a device Thing does with files of container Things. */
export const sendFileToDevice: ServiceDefinition = {
  name: 'SendFileToDevice',
  category: 'Files',
  description:
    'Hands the device a link to load a file: by a direct method, or by a message when no method is named.',
  parameters: [
    {
      name: 'repository',
      baseType: 'THINGNAME',
      description: 'The Thing of the container.',
      thingTemplate: 'AzureIoT.BlobContainer_TT',
      isRequired: true,
    },
    { name: 'path', baseType: 'STRING', description: 'The path of the file.', isRequired: true },
    {
      name: 'methodName',
      baseType: 'STRING',
      description: 'The direct method that gets the link. Empty: a message brings it.',
    },
    {
      name: 'moduleId',
      baseType: 'STRING',
      description: 'The module whose method it is. Empty: the device itself.',
    },
    {
      name: 'information',
      baseType: 'JSON',
      description: 'Anything that the device should know of the file beside.',
    },
    {
      name: 'minutes',
      baseType: 'INTEGER',
      description: 'How long the link works, and how long the message waits, in minutes: 1 to 1440.',
      defaultValue: '60',
    },
    {
      name: 'responseTimeoutSeconds',
      baseType: 'INTEGER',
      description: 'How long the device may take to answer the method, in seconds: 5 to 300.',
      defaultValue: '15',
    },
  ],
  result: {
    baseType: 'JSON',
    description:
      'expiresAt of the link, and status and payload that the method answered, or the messageId that MessageFeedback names.',
  },
  script: handWritten('SendFileToDevice'),
};
