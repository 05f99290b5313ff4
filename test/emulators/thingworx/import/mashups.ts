import { wrongReferences } from '../mashup-references.ts';
import type { PlainEntity } from '../model/entity.ts';
import { ImportProblem, type ImportReport } from './report.ts';

/** Reports what a mashup would silently not do. Content that is no JSON is refused. */
export function checkMashup(mashup: PlainEntity, report: ImportReport): void {
  if (mashup.content === '') {
    return;
  }
  const entity = `Mashups/${mashup.name}`;
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(mashup.content) as Record<string, unknown>;
  } catch (error) {
    throw new ImportProblem(
      `${entity}: mashupContent is no JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  for (const problem of wrongReferences(content)) {
    report.loss('MASHUP_REFERENCE', entity, problem);
  }
}
