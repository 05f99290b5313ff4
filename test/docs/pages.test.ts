import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { GROUPS } from '../../docs/.vitepress/contents.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

const PAGES = ['*.md', '{docs,extension,test}/**/*.md'].flatMap((pattern) =>
  globSync(pattern, { cwd: ROOT, exclude: ['node_modules'] }),
);

/** The text of a page without its code blocks, in which `#` and brackets mean something else. */
function prose(page: string): string {
  return readFileSync(path.join(ROOT, page), 'utf8').replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
}

/** The anchors that GitHub makes of the headings of a page. */
function anchors(page: string): Set<string> {
  const headings = [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string);
  return new Set(
    headings.map((heading) =>
      heading
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** What a link of a page leads to; undefined for addresses on the web. */
function targetOf(page: string, link: string): { page: string; anchor: string } | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [file = '', anchor = ''] = link.split('#');
  return { page: file === '' ? page : path.join(path.dirname(page), file), anchor };
}

describe('the pages of the documentation', () => {
  test('link to files and headings that exist', () => {
    assert.ok(PAGES.length > 50);
    const broken = PAGES.flatMap((page) =>
      [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
        const target = targetOf(page, link);
        if (!target) return [];
        const exists = existsSync(path.join(ROOT, target.page));
        return exists && (target.anchor === '' || anchors(target.page).has(target.anchor))
          ? []
          : [`${page}: ${link}`];
      }),
    );
    assert.deepEqual(broken, []);
  });

  test('are found from the overview', () => {
    const overview = prose('docs/index.md');
    const pages = globSync('*.md', { cwd: path.join(ROOT, 'docs') });
    assert.deepEqual(
      pages.filter((page) => page !== 'index.md' && !overview.includes(`(${page})`)),
      [],
    );
  });
});

describe('the site', () => {
  test('lists every page once', () => {
    const listed = GROUPS.flatMap(({ pages }) => pages.map(({ page }) => page.replace(/\/$/, '/README')));
    const pages = globSync('docs/{*,examples/*}.md', { cwd: ROOT }).map((page) => page.slice(5, -3));
    assert.deepEqual(listed.sort(), pages.sort());
  });
});

describe('the decision records', () => {
  for (const page of globSync('docs/decisions/[0-9]*.md', { cwd: ROOT })) {
    test(`${path.basename(page)} has a number, a title and all sections`, () => {
      const text = readFileSync(path.join(ROOT, page), 'utf8');
      const number = path.basename(page).slice(0, 3);
      assert.match(
        text,
        new RegExp(
          `^# ${number}: \\S.*\\n\\n- Status: (accepted|superseded by .+)\\n- Date: \\d{4}-\\d\\d-\\d\\d\\n\\n`,
        ),
      );
      const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, name]) => name);
      assert.deepEqual(sections, ['Context', 'Decision', 'Consequences']);
    });
  }
});
