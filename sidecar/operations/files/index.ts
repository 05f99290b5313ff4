import { appendToText } from './append-to-text.ts';
import { appendToTextFile } from './append-to-text-file.ts';
import { browseDirectory } from './browse-directory.ts';
import { browseFileSystem } from './browse-file-system.ts';
import { checkStorage } from './check-storage.ts';
import { connectStorage } from './connect-storage.ts';
import { copyFile } from './copy-file.ts';
import { createArchive } from './create-archive.ts';
import { createContainer } from './create-container.ts';
import { createDownloadLink } from './create-download-link.ts';
import { createFileSnapshot } from './create-file-snapshot.ts';
import { createFolder } from './create-folder.ts';
import { createFolderInParent } from './create-folder-in-parent.ts';
import { createTextFile } from './create-text-file.ts';
import { createUploadLink } from './create-upload-link.ts';
import { createZipArchive } from './create-zip-archive.ts';
import { deleteContainer } from './delete-container.ts';
import { deleteFile } from './delete-file.ts';
import { deleteFolder } from './delete-folder.ts';
import { disconnectStorage } from './disconnect-storage.ts';
import { extractArchive } from './extract-archive.ts';
import { extractZipArchive } from './extract-zip-archive.ts';
import { flatExtractArchive } from './flat-extract-archive.ts';
import { getDirectoryStructure } from './get-directory-structure.ts';
import { getFileCheckSum } from './get-file-check-sum.ts';
import { getFileInfo } from './get-file-info.ts';
import { getFileListing } from './get-file-listing.ts';
import { getFileListingWithLinks } from './get-file-listing-with-links.ts';
import { getFileProperties } from './get-file-properties.ts';
import { getFileTags } from './get-file-tags.ts';
import { listContainers } from './list-containers.ts';
import { listDirectories } from './list-directories.ts';
import { listFileSnapshots } from './list-file-snapshots.ts';
import { listFiles } from './list-files.ts';
import { loadBinary } from './load-binary.ts';
import { loadImage } from './load-image.ts';
import { loadJson } from './load-json.ts';
import { loadText } from './load-text.ts';
import { loadXml } from './load-xml.ts';
import { moveFile } from './move-file.ts';
import { renameFile } from './rename-file.ts';
import { restoreFile } from './restore-file.ts';
import { saveBinary } from './save-binary.ts';
import { saveImage } from './save-image.ts';
import { saveJson } from './save-json.ts';
import { saveText } from './save-text.ts';
import { saveXml } from './save-xml.ts';
import { searchFiles } from './search-files.ts';
import { setFileMetadata } from './set-file-metadata.ts';
import { setFileProperties } from './set-file-properties.ts';
import { setFileTags } from './set-file-tags.ts';
import { setFileTier } from './set-file-tier.ts';
import { writeToTextFile } from './write-to-text-file.ts';

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
  loadBinary,
  loadImage,
  loadJson,
  loadText,
  loadXml,
  moveFile,
  renameFile,
  restoreFile,
  saveBinary,
  saveImage,
  saveJson,
  saveText,
  saveXml,
  searchFiles,
  setFileMetadata,
  setFileProperties,
  setFileTags,
  setFileTier,
  writeToTextFile,
];
