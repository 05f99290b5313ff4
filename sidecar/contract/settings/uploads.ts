import Type from 'typebox';
import { EXPECTED_KEYWORD, forThingWorx } from '../schema.ts';
import { CONTAINER_NAME, setting } from './setting.ts';

const UPLOADS = { category: 'File uploads' };

/** What uploadFolder may have in braces. */
const UPLOAD_PLACES = ['deviceId', 'year', 'month', 'day'] as const;

/** The settings of a hub Thing about files that devices upload. */
export const UPLOAD_SETTINGS = {
  fileNotifications: setting(
    Type.Boolean({
      title: 'File notifications',
      description:
        'Whether finished file uploads of devices fire the event FileUploaded. File notifications of the hub must be on. All programs that read ' +
        'the file notifications of a hub share one queue: turn this off if another program needs it.',
      default: true,
    }),
    UPLOADS,
  ),
  uploadStorageThing: Type.Optional(
    setting(
      forThingWorx(
        Type.String({
          title: 'Storage of uploads',
          description:
            'The Thing of the storage account into which the IoT Hub puts the files that devices upload. If it is set, FileUploaded ' +
            'contains a link to the file, and files can be moved. Empty: FileUploaded only names the blob.',
          maxLength: 256,
        }),
        { baseType: 'THINGNAME', thingTemplate: 'AzureIoT.StorageAccount_TT' },
      ),
      UPLOADS,
    ),
  ),
  uploadLinkMinutes: setting(
    Type.Integer({
      title: 'Minutes of upload links',
      description:
        'How long the link in FileUploaded is valid, in minutes. Whoever has the link can read the file.',
      default: 60,
      minimum: 1,
      maximum: 1_440,
    }),
    UPLOADS,
  ),
  uploadContainer: setting(
    Type.String({
      title: 'Container for uploads',
      description:
        'The container of the same storage account to which uploaded files are moved, such as that of a Thing of ' +
        'AzureIoT.BlobContainer_TT; it must exist. Empty: they stay in the container of the IoT Hub.',
      default: '',
      pattern: `^$|${CONTAINER_NAME}`,
      [EXPECTED_KEYWORD]: 'the name of a blob container, or nothing',
    }),
    UPLOADS,
  ),
  uploadFolder: setting(
    Type.String({
      title: 'Folder for uploads',
      description:
        'The folder to which each uploaded file is moved under its own name, with {deviceId} and the {year}, {month} and {day} ' +
        'of the upload in UTC, such as /devices/{deviceId}/{year}-{month}. A file of the same name that exists already stays, ' +
        'and the name of the new one gets the time of its upload. Empty: files are not moved, or, with uploadContainer, they are moved to ' +
        'a folder with the name of the device.',
      default: '',
      maxLength: 512,
      pattern: `^([^{}]|\\{(${UPLOAD_PLACES.join('|')})\\})*$`,
      [EXPECTED_KEYWORD]: `a path, in braces only ${UPLOAD_PLACES.join(', ')}`,
    }),
    UPLOADS,
  ),
};
