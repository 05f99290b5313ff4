import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type DefaultTheme, defineConfig } from 'vitepress';
import { GROUPS, type Page } from './contents.ts';

const DOCS = path.join(import.meta.dirname, '..');

/** The documentation as a site: `npm run site` writes it to dist/site. It needs no internet. A dead link fails the build. */
export default defineConfig({
  title: 'Azure IoT Hub connector for ThingWorx',
  description: 'For administrators, mashup developers and operators',
  outDir: '../dist/site',
  cacheDir: '../dist/site-cache',
  metaChunk: true,
  rewrites: { ':folder/README.md': ':folder/index.md' },
  markdown: {
    anchor: { slugify: githubAnchor },
    // Two braces in a page are braces, no expression of the generator.
    config({ renderer, utils }) {
      const text = (content = '') => utils.escapeHtml(content).replaceAll('{{', '&#123;&#123;');
      renderer.rules['text'] = (tokens, index) => text(tokens[index]?.content);
      renderer.rules['code_inline'] = (tokens, index) => `<code v-pre>${text(tokens[index]?.content)}</code>`;
    },
  },
  themeConfig: {
    siteTitle: 'Azure IoT Hub connector',
    search: { provider: 'local' },
    outline: [2, 3],
    nav: GROUPS.map(({ text, pages }) => ({ text, items: pages.map(item) })),
    sidebar: [
      ...GROUPS.map(({ text, pages }) => ({ text, items: pages.map(item), collapsed: false })),
      { text: 'Decision records', link: '/decisions/', items: decisionRecords(), collapsed: true },
    ],
  },
});

function item({ page, text }: Page): DefaultTheme.NavItemWithLink {
  return { text, link: `/${page}` };
}

function decisionRecords(): DefaultTheme.NavItemWithLink[] {
  return globSync('decisions/[0-9]*.md', { cwd: DOCS })
    .sort()
    .map((file) => {
      const [title = file] = readFileSync(path.join(DOCS, file), 'utf8').split('\n');
      return item({ page: file.replace(/\.md$/, ''), text: title.replace(/^# /, '') });
    });
}

/** The anchor that GitHub makes of a heading, so that a link works there and here. */
function githubAnchor(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-');
}
