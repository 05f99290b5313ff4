import { defineErrors } from './definition.ts';

/** Files in Azure Blob Storage, archives and software packages. */
export const FILE_ERRORS = defineErrors({
  STORAGE_NOT_CONNECTED: {
    status: 409,
    retryable: false,
    title: 'The storage Thing is not connected.',
    remedy: 'Call ConnectStorage of the storage Thing and read its error.',
  },
  CONTAINER_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'The storage account has no such container.',
    remedy: 'Check containerName, or create the container with CreateContainer of the storage Thing.',
  },
  FILE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such file.',
    remedy: 'Check the path; names are case-sensitive. It may have been moved or deleted.',
  },
  FILE_EXISTS: {
    status: 409,
    retryable: false,
    title: 'A file of that name exists already.',
    remedy: 'Choose another name, or ask to overwrite it.',
  },
  PATH_INVALID: {
    status: 400,
    retryable: false,
    title: 'A path or name is not allowed.',
    remedy:
      'Correct it; docs/files.md has the rules. The sidecar repairs no path, because the result could be another file.',
  },
  FILE_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The file is too large for this service.',
    remedy:
      "Use CreateDownloadLink or CreateUploadLink, or the sidecar's streaming route; docs/files.md says how.",
  },
  FILE_CONTENT_INVALID: {
    status: 422,
    retryable: false,
    title: 'The file does not hold what was asked for.',
    remedy: 'Look at the file, or read it with LoadBinary.',
  },
  FILES_TOO_MANY: {
    status: 422,
    retryable: false,
    title: 'There are too many files for one answer.',
    remedy: 'Use SearchFiles, which gives pages, or a narrower folder.',
  },
  FILES_UNFINISHED: {
    status: 503,
    retryable: true,
    title: 'The work did not end within its time limit.',
    remedy: 'Call the service again: it continues where it stopped.',
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    retryable: false,
    title: 'The range lies outside the file.',
    remedy: 'Ask for bytes that the file has.',
  },
  CHECKSUM_MISMATCH: {
    status: 400,
    retryable: false,
    title: 'The received data does not match its checksum.',
    remedy: 'Send it again; a resumable upload with another Upload-Id.',
  },
  UPLOAD_INCOMPLETE: {
    status: 400,
    retryable: true,
    title: 'The upload ended before all of it had arrived.',
    remedy: 'Send it again, or go on with a resumable upload; docs/files.md says how.',
  },
  UPLOAD_OFFSET_WRONG: {
    status: 409,
    retryable: false,
    title: 'The piece of the upload does not begin where the last one ended.',
    remedy: 'Go on at the offset that the answer names.',
  },
  LINK_NOT_POSSIBLE: {
    status: 409,
    retryable: false,
    title: 'This account is connected in a way that cannot create links.',
    remedy: 'Connect the account with a connection string or Microsoft Entra ID instead of a SAS address.',
  },
  PACKAGE_PENDING: {
    status: 409,
    retryable: false,
    title: 'Another version of the package is on its way to the device.',
    remedy: 'Wait until it has ended, or cancel it with CancelPackage.',
  },
  PACKAGE_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such deployment.',
    remedy: 'Check the name of the package and the module; ListPackages of the hub Thing shows them.',
  },
  PACKAGE_FAILED: {
    status: 502,
    retryable: false,
    title: 'The device could not install the package, or did not take it.',
    remedy: 'Look at the message, which holds what the device says, and at its installer.',
  },
  CAMPAIGN_NOT_FOUND: {
    status: 404,
    retryable: false,
    title: 'There is no such campaign.',
    remedy: 'Check the id; ListCampaigns of the hub Thing shows those that are kept.',
  },
  CAMPAIGN_STATE: {
    status: 409,
    retryable: false,
    title: 'The campaign is in a state in which this is not possible.',
    remedy: 'Look at its state with GetCampaign; the message names the states that are expected.',
  },
  CAMPAIGN_EMPTY: {
    status: 422,
    retryable: false,
    title: 'The campaign has no devices.',
    remedy: 'Check the condition with QueryTwins, or the list of ids.',
  },
  CAMPAIGN_LIMIT: {
    status: 422,
    retryable: false,
    title: 'The campaign has too many devices, or too many campaigns are under way.',
    remedy: 'Divide the devices among several campaigns, or wait until another campaign has ended.',
  },
  CAMPAIGN_THRESHOLD: {
    status: 409,
    retryable: false,
    title: 'A wave of a campaign has missed the success threshold.',
    remedy:
      'Look at the devices that have failed with ListCampaignDevices; then call ResumeCampaign, RollBackCampaign or CancelCampaign.',
  },
  ROLLBACK_UNKNOWN: {
    status: 409,
    retryable: false,
    title: 'The version of the package that the device had before is not known.',
    remedy: 'Deploy the version to the device with DeployPackage; name rollBackPath in the next campaign.',
  },
  ARCHIVE_INVALID: {
    status: 422,
    retryable: false,
    title: 'The archive cannot be extracted.',
    remedy: 'Look at the entry that the message names; nothing outside the folder is ever written.',
  },
  ARCHIVE_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The archive holds more than is allowed.',
    remedy: 'Split it into smaller archives; docs/files.md has the limits.',
  },
});
