import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { blobContainerTemplate } from '../../extension/entities/storage-container.ts';

/**
 * The services of the platform's FileRepository with their parameters and results, as public type declarations of the platform give them. A
 * script that calls one must do the same with a container Thing.
 */
const FILE_REPOSITORY: Readonly<
  Record<string, readonly [parameters: Readonly<Record<string, string>>, result: string]>
> = {
  AppendToTextFile: [{ path: 'STRING', data: 'STRING' }, 'NOTHING'],
  BrowseDirectory: [{ path: 'STRING' }, 'FileSystemFile'],
  BrowseFileSystem: [{ path: 'STRING' }, 'FileSystemFile'],
  CreateArchive: [
    { path: 'STRING', files: 'STRING', newFileName: 'STRING', compressionType: 'STRING' },
    'BOOLEAN',
  ],
  CreateFolder: [{ path: 'STRING' }, 'NOTHING'],
  CreateFolderInParent: [{ parentFolderPath: 'STRING', folderName: 'STRING' }, 'NOTHING'],
  CreateTextFile: [{ path: 'STRING', data: 'STRING', overwrite: 'BOOLEAN' }, 'NOTHING'],
  CreateZipArchive: [{ path: 'STRING', files: 'STRING', newFileName: 'STRING' }, 'BOOLEAN'],
  DeleteFile: [{ path: 'STRING' }, 'NOTHING'],
  DeleteFolder: [{ path: 'STRING' }, 'NOTHING'],
  ExtractArchive: [{ path: 'STRING', compressionType: 'STRING', archiveFileName: 'STRING' }, 'BOOLEAN'],
  ExtractZipArchive: [{ path: 'STRING', zipFileName: 'STRING' }, 'BOOLEAN'],
  FlatExtractArchive: [{ path: 'STRING', compressionType: 'STRING', archiveFileName: 'STRING' }, 'BOOLEAN'],
  GetDirectoryStructure: [{}, 'FileSystemDirectory'],
  GetFileInfo: [{ path: 'STRING' }, 'FileSystemFile'],
  GetFileListing: [{ path: 'STRING', nameMask: 'STRING' }, 'FileSystemFile'],
  GetFileListingWithLinks: [{ path: 'STRING', nameMask: 'STRING' }, 'FileSystemFileWithLinks'],
  ListDirectories: [{ path: 'STRING', nameMask: 'STRING' }, 'FileSystemDirectory'],
  ListFiles: [{ path: 'STRING', nameMask: 'STRING' }, 'FileSystemFile'],
  LoadBinary: [{ path: 'STRING' }, 'BLOB'],
  LoadImage: [{ path: 'STRING' }, 'IMAGE'],
  LoadJSON: [{ path: 'STRING' }, 'JSON'],
  LoadText: [{ path: 'STRING' }, 'STRING'],
  LoadXML: [{ path: 'STRING' }, 'XML'],
  MoveFile: [{ sourcePath: 'STRING', targetPath: 'STRING', overwrite: 'BOOLEAN' }, 'NOTHING'],
  RenameFile: [{ path: 'STRING', name: 'STRING', overwrite: 'BOOLEAN' }, 'NOTHING'],
  SaveBinary: [{ path: 'STRING', content: 'BLOB' }, 'NOTHING'],
  SaveImage: [{ path: 'STRING', content: 'IMAGE' }, 'NOTHING'],
  SaveJSON: [{ path: 'STRING', content: 'JSON' }, 'NOTHING'],
  SaveText: [{ path: 'STRING', content: 'STRING' }, 'NOTHING'],
  SaveXML: [{ path: 'STRING', content: 'XML' }, 'NOTHING'],
  WriteToTextFile: [{ path: 'STRING', data: 'STRING', offset: 'NUMBER' }, 'NOTHING'],
};

describe('a container Thing speaks the vocabulary of a file repository', () => {
  for (const [name, [parameters, result]] of Object.entries(FILE_REPOSITORY)) {
    test(name, () => {
      const service = blobContainerTemplate.services.find((one) => one.name === name);
      assert.ok(service);
      const own = Object.fromEntries(service.parameters.map((one) => [one.name, one.baseType]));
      for (const [parameter, baseType] of Object.entries(parameters))
        assert.equal(own[parameter], baseType, parameter);
      assert.equal(service.result.dataShape ?? service.result.baseType, result);
      // What is beyond the platform's must not be needed.
      for (const { name: parameter, isRequired } of service.parameters)
        assert.ok(parameter in parameters || !isRequired, parameter);
    });
  }
});
