import { readArchive, writeArchive } from '../import/archive.ts';
import { InfoTable } from '../infotable.ts';
import { likePattern } from '../infotable-query.ts';
import { builtInFields } from '../model/builtin-shapes.ts';
import type { ThingEntity } from '../model/entity.ts';
import { normalPath, parentOf } from '../runtime/repositories.ts';
import { native, type PlatformService, type ServiceContext, text } from './native.ts';

const files = ({ platform, entity }: ServiceContext<ThingEntity>) => platform.repositories.of(entity.name);

/** Services of file repositories, as far as tools for source control use them. */
export const repositoryServices: PlatformService<ThingEntity>[] = [
  native('CreateFolder', 'path:STRING!', 'NOTHING', (args, context) => {
    files(context).addFolder(text(args, 'path'));
    return null;
  }),
  native('DeleteFolder', 'path:STRING!', 'NOTHING', (args, context) => {
    files(context).removeFolder(text(args, 'path'));
    return null;
  }),
  native('DeleteFile', 'path:STRING!', 'NOTHING', (args, context) => {
    files(context).removeFile(text(args, 'path'));
    return null;
  }),
  native('SaveText', 'path:STRING! content:STRING', 'NOTHING', (args, context) => {
    files(context).write(text(args, 'path'), Buffer.from(text(args, 'content')));
    return null;
  }),
  native('LoadText', 'path:STRING!', 'STRING', (args, context) =>
    files(context).read(text(args, 'path')).bytes.toString('utf8'),
  ),
  native('SaveBinary', 'path:STRING! content:BLOB', 'NOTHING', (args, context) => {
    const { content } = args;
    files(context).write(text(args, 'path'), Buffer.from(content instanceof Uint8Array ? content : []));
    return null;
  }),
  native('LoadBinary', 'path:STRING!', 'BLOB', (args, context) =>
    Uint8Array.from(files(context).read(text(args, 'path')).bytes),
  ),
  native('GetFileListing', 'path:STRING nameMask:STRING', 'INFOTABLE:FileSystemFile', (args, context) => {
    const table = new InfoTable(builtInFields('FileSystemFile'));
    const mask = text(args, 'nameMask');
    const pattern = mask === '' ? undefined : likePattern(mask, true);
    for (const [path, { bytes, modified }] of files(context).list(text(args, 'path'))) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (pattern === undefined || pattern.test(name)) {
        table.rows.push({ path, name, size: bytes.length, lastModifiedDate: modified, fileType: 'F' });
      }
    }
    return table;
  }),
  // Whether several names are separated by commas, and how entries are named in the zip, is believed: each name with what is below it.
  native(
    'CreateZipArchive',
    'path:STRING! newFileName:STRING! files:STRING!',
    'BOOLEAN',
    async (args, context) => {
      const repository = files(context);
      const entries = new Map<string, Buffer>();
      for (const name of text(args, 'files').split(',')) {
        const above = parentOf(normalPath(name));
        for (const [path, { bytes }] of repository.below(name.trim()))
          entries.set(path.slice(above.length + 1), bytes);
      }
      repository.write(`${text(args, 'path')}/${text(args, 'newFileName')}`, await writeArchive(entries));
      return true;
    },
  ),
  native('ExtractZipArchive', 'path:STRING! zipFileName:STRING!', 'BOOLEAN', async (args, context) => {
    const repository = files(context);
    const archive = await readArchive(repository.read(text(args, 'zipFileName')).bytes);
    for (const name of archive.keys()) normalPath(name);
    repository.addFolder(text(args, 'path'));
    for (const [name, bytes] of archive) repository.write(`${text(args, 'path')}/${name}`, bytes);
    return true;
  }),
];
