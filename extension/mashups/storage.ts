import {
  area,
  button,
  checkbox,
  choice,
  column,
  confirmation,
  expression,
  field,
  grid,
  type MashupDefinition,
  row,
  tabs,
} from './definition.ts';
import { frame, frameFunctions, page } from './frame.ts';

const containerOf = { thing: 'container.SelectedText' };

const files = page(
  [
    field('folder', 'Folder', {
      hint: '/',
      width: 260,
      bind: { Text: ['nextFolder.Output', 'upperFolder.Output'] },
      on: { EnterKeyPressed: ['BrowseDirectory'] },
    }),
    button('browse', 'Show', ['BrowseDirectory']),
    button('enter', 'Open selected folder', ['nextFolder.Evaluate']),
    button('up', 'Up', ['upperFolder.Evaluate']),
    button('removeFile', 'Delete selected file', ['confirmFile.OpenConfirmation'], 'danger'),
    button('removeFolder', 'Delete selected folder', ['confirmFolder.OpenConfirmation'], 'danger'),
  ],
  row(
    [
      grid('files', 'BrowseDirectory', 'path', [
        { field: 'name', title: 'Name' },
        { field: 'fileType', title: 'Kind', width: 70 },
        { field: 'size', title: 'Bytes', width: 110, format: 'number' },
        { field: 'lastModifiedDate', title: 'Changed', width: 170, format: 'time' },
      ]),
      column(
        [
          {
            type: 'ptcslink',
            name: 'download',
            bind: { LinkURL: 'PreviewFile.link', Text: 'PreviewFile.linkText' },
          },
          {
            type: 'ptcsimage',
            name: 'picture',
            properties: { AlternateText: 'The picture in the selected file' },
            bind: { SourceURL: 'PreviewFile.image', Visible: 'isImage.Output' },
          },
          area('preview', 'Preview', { readOnly: true, bind: { Text: 'PreviewFile.text' } }),
        ],
        { grow: true },
      ),
    ],
    { grow: true },
  ),
);

const add = page(
  [
    field('newPath', 'Path', { hint: '/folder/name.txt', width: 300 }),
    button('makeFolder', 'Create folder', ['CreateFolder']),
    button('save', 'Save text', ['confirmSave.OpenConfirmation'], 'primary'),
    checkbox('overwrite', 'Replace an existing file'),
    button('upload', 'Get upload link', ['PrepareUpload']),
  ],
  row(
    [
      area('newText', 'Text of the file'),
      area('command', 'Upload command', { readOnly: true, bind: { Text: 'PrepareUpload.result' } }),
    ],
    { grow: true },
  ),
);

export const storage: MashupDefinition = {
  name: 'AzureIoT.Storage_MU',
  description: 'Shows, loads, writes and deletes the files of storage containers.',
  calls: {
    ListContainers: { service: 'ListThings', constants: { kind: 'container' } },
    BrowseDirectory: { bind: { ...containerOf, path: 'folder.Text' }, onSelection: ['PreviewFile'] },
    PreviewFile: {
      bind: {
        ...containerOf,
        path: 'BrowseDirectory.selected.path',
        fileType: 'BrowseDirectory.selected.fileType',
      },
    },
    DeleteFile: {
      bind: { ...containerOf, path: 'BrowseDirectory.selected.path' },
      after: ['BrowseDirectory'],
    },
    DeleteFolder: {
      bind: { ...containerOf, path: 'BrowseDirectory.selected.path' },
      after: ['BrowseDirectory'],
    },
    CreateFolder: { bind: { ...containerOf, path: 'newPath.Text' }, after: ['BrowseDirectory'] },
    SaveText: {
      bind: { ...containerOf, path: 'newPath.Text', content: 'newText.Text' },
      after: ['BrowseDirectory'],
    },
    PrepareUpload: { bind: { ...containerOf, path: 'newPath.Text', overwrite: 'overwrite.State' } },
  },
  loaded: ['ListContainers'],
  layout: frame(
    'Files',
    [choice('container', 'Container', 'ListContainers', { first: true, on: ['BrowseDirectory'] })],
    [tabs('pages', { Files: files, Add: add })],
  ),
  functions: [
    ...frameFunctions(
      [
        'DeleteFile.summary',
        'DeleteFolder.summary',
        'CreateFolder.summary',
        'SaveText.summary',
        'PrepareUpload.summary',
      ],
      {},
    ),
    expression('isImage', 'BOOLEAN', { kind: ['PreviewFile.kind', 'STRING'] }, "output = kind === 'image';"),
    confirmation('confirmFile', {
      title: 'Delete file',
      message: { source: 'deleteText.Output' },
      action: 'Delete',
      confirmed: ['DeleteFile'],
    }),
    confirmation('confirmFolder', {
      title: 'Delete folder',
      message: { source: 'deleteText.Output' },
      action: 'Delete',
      confirmed: ['DeleteFolder'],
    }),
    confirmation('confirmSave', {
      title: 'Save text',
      message: 'A file with this path is replaced.',
      action: 'Save',
      confirmed: ['SaveText'],
    }),
    expression(
      'deleteText',
      'STRING',
      { path: ['BrowseDirectory.selected.path', 'STRING'] },
      "output = path ? path + ' is deleted, and everything in it.' : 'Nothing is selected.';",
    ),
    expression(
      'nextFolder',
      'STRING',
      {
        path: ['BrowseDirectory.selected.path', 'STRING'],
        kind: ['BrowseDirectory.selected.fileType', 'STRING'],
        folder: ['folder.Text', 'STRING'],
      },
      "output = kind === 'D' ? path : folder;",
      { onDemand: true, changed: ['BrowseDirectory'] },
    ),
    expression(
      'upperFolder',
      'STRING',
      { folder: ['folder.Text', 'STRING'] },
      "output = (folder || '/').replace(/\\/?[^/]*\\/?$/, '') || '/';",
      { onDemand: true, changed: ['BrowseDirectory'] },
    ),
  ],
};
