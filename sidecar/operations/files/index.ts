import { checkStorage, connectStorage, disconnectStorage, listStorage } from './accounts.ts';
import {
  createArchive,
  createZipArchive,
  extractArchive,
  extractZipArchive,
  flatExtractArchive,
} from './archives.ts';
import { createContainer, deleteContainer, listContainers } from './containers.ts';
import {
  appendToText,
  appendToTextFile,
  createTextFile,
  LOADING,
  SAVING,
  writeToTextFile,
} from './content.ts';
import { copyFile, deleteFile, moveFile, renameFile } from './copy-move-delete.ts';
import {
  createFolder,
  createFolderInParent,
  deleteFolder,
  getDirectoryStructure,
  listDirectories,
} from './folders.ts';
import { createDownloadLink, createUploadLink, getFileListingWithLinks } from './links.ts';
import {
  browseDirectory,
  browseFileSystem,
  getFileInfo,
  getFileListing,
  listFiles,
  searchFiles,
} from './listing.ts';
import {
  getFileCheckSum,
  getFileProperties,
  getFileTags,
  setFileMetadata,
  setFileProperties,
  setFileTags,
  setFileTier,
} from './properties.ts';
import { createFileSnapshot, listFileSnapshots, restoreFile } from './versions.ts';

/** Storage accounts, containers and their files. */
export const FILES = [
  appendToText,
  appendToTextFile,
  browseDirectory,
  browseFileSystem,
  checkStorage,
  connectStorage,
  copyFile,
  createArchive,
  createContainer,
  createDownloadLink,
  createFileSnapshot,
  createFolder,
  createFolderInParent,
  createTextFile,
  createUploadLink,
  createZipArchive,
  deleteContainer,
  deleteFile,
  deleteFolder,
  disconnectStorage,
  extractArchive,
  extractZipArchive,
  flatExtractArchive,
  getDirectoryStructure,
  getFileCheckSum,
  getFileInfo,
  getFileListing,
  getFileListingWithLinks,
  getFileProperties,
  getFileTags,
  listContainers,
  listDirectories,
  listFileSnapshots,
  listFiles,
  listStorage,
  ...LOADING,
  moveFile,
  renameFile,
  restoreFile,
  ...SAVING,
  searchFiles,
  setFileMetadata,
  setFileProperties,
  setFileTags,
  setFileTier,
  writeToTextFile,
];
