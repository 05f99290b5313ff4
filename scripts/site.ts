import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'vitepress';

/**
 * npm run site: builds the documentation as a site in dist/site. A dead link fails it. What pages link to beside pages goes with them.
 */
const docs = path.join(import.meta.dirname, '..', 'docs');
const site = path.join(docs, '..', 'dist', 'site');

await build(docs);
await mkdir(path.join(site, 'examples'), { recursive: true });
for (const file of ['openapi.json', 'configuration.schema.json'])
  await cp(path.join(docs, file), path.join(site, file));
await cp(path.join(docs, 'examples'), path.join(site, 'examples'), {
  recursive: true,
  filter: (file) => !file.endsWith('.md'),
});
console.log(`The documentation is in ${path.relative(process.cwd(), site)}: open it through any web server.`);
