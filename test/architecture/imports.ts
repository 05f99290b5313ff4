import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '..', '..');

/** A source file of a folder with the files of this project that it imports; paths are relative to the top folder. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const IMPORT = /(?:\bfrom|\bimport|\bimport\()\s*'(\.{1,2}\/[^']+)'/g;

/** All TypeScript files, those with JSX included, below a folder of the top folder. Type imports count: an arrow is an arrow. */
export function readSources(folder: string): SourceFile[] {
  const entries = readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => {
      const absolute = path.join(entry.parentPath, entry.name);
      const text = readFileSync(absolute, 'utf8');
      const imports = [...text.matchAll(IMPORT)].map(([, specifier = '']) =>
        relative(path.resolve(path.dirname(absolute), specifier)),
      );
      return { file: relative(absolute), text, imports: [...new Set(imports)] };
    })
    .sort((a, b) => a.file.localeCompare(b.file));
}

function relative(absolute: string): string {
  return path.relative(ROOT, absolute).split(path.sep).join('/');
}

/** Groups of files that import each other in a circle (Tarjan's strongly connected components of more than one file). */
export function cycles(sources: readonly SourceFile[]): string[][] {
  const imports = new Map(sources.map(({ file, imports }) => [file, imports]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) as number);
    stack.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!imports.has(next)) continue;
      if (!index.has(next)) {
        visit(next);
        low.set(file, Math.min(low.get(file) as number, low.get(next) as number));
      } else if (stack.includes(next)) {
        low.set(file, Math.min(low.get(file) as number, index.get(next) as number));
      }
    }
    if (low.get(file) !== index.get(file)) return;
    const component = stack.splice(stack.indexOf(file));
    if (component.length > 1) found.push(component);
  };
  for (const { file } of sources) if (!index.has(file)) visit(file);
  return found;
}
