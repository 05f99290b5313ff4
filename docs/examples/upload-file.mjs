// A container of Azure Blob Storage is a file repository: a text is saved, listed and read again.
import { hubThing, invoke } from './connection.mjs';

const repository = process.env.REPOSITORY_THING;
if (!repository) throw new Error('Set REPOSITORY_THING to a Thing of AzureIoT.BlobContainer_TT.');

await invoke(repository, 'SaveText', { path: '/examples/hello.txt', content: `Hello from ${hubThing}` });
const files = await invoke(repository, 'ListFiles', { path: '/examples', nameMask: '*.txt' });
for (const { name, size } of files) console.log(`${name}: ${size} bytes`);
console.log(await invoke(repository, 'LoadText', { path: '/examples/hello.txt' }));
await invoke(repository, 'DeleteFile', { path: '/examples/hello.txt' });
