import { cancelImport } from './cancel-import.ts';
import { compareRegistry } from './compare-registry.ts';
import { exportThings } from './export-things.ts';
import { getImport } from './get-import.ts';
import { listImports } from './list-imports.ts';
import { startImport } from './start-import.ts';

/** What brings Things and the device registry together. */
export const IMPORT = [
  startImport,
  exportThings,
  compareRegistry,
  getImport,
  listImports,
  cancelImport,
] as const;
