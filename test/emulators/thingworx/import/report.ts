/**
 * What the importer says. The platform loses many things without a word (the second list); the emulator loses them too,
 * and keeps a list of what was lost that can be read on the control port.
 */
export type LossCode =
  | 'PROJECT_MISSING'
  | 'BASE_DATA_SHAPE_DROPPED'
  | 'TABLE_DROPPED'
  | 'NEW_COLUMN_EMPTY'
  | 'JSON_CELL_EMPTY'
  | 'SUBSCRIPTION_DROPPED'
  | 'SCRIPT_NOT_COMPILED'
  | 'SCRIPT_MISREAD'
  | 'ROWS_IGNORED'
  | 'PASSWORD_WIPED'
  | 'ENTRY_IGNORED'
  | 'PART_IGNORED'
  | 'TOKENS_MERGED'
  | 'MEMBERS_KEPT'
  | 'MASHUP_REFERENCE'
  | 'LOGGED_WITHOUT_STREAM'
  | 'TIMER_WITHOUT_USER'
  | 'VALUE_REFUSED';

export interface Loss {
  code: LossCode;
  /** Collection and name, for example `Things/Pump`. */
  entity: string;
  /** What was written, what became of it. */
  detail: string;
  /** File or package that was imported. */
  source: string;
  timeMs: number;
}

/** Refuses a whole import: HTTP 406 without a reason, the message goes to ApplicationLog alone. */
export class ImportProblem extends Error {}

const mostLosses = 10_000;

/** The losses of all imports since the start, newest last. */
export class LossList {
  private readonly entries: Loss[] = [];

  add(loss: Loss): void {
    this.entries.push(loss);
    if (this.entries.length > mostLosses) {
      this.entries.splice(0, this.entries.length - mostLosses);
    }
  }

  list(): readonly Loss[] {
    return this.entries;
  }

  clear(): void {
    this.entries.length = 0;
  }
}

/** Collects the losses of one import. They join the list only when the import succeeds. */
export class ImportReport {
  readonly source: string;
  readonly losses: Loss[] = [];

  constructor(source: string) {
    this.source = source;
  }

  loss(code: LossCode, entity: string, detail: string): void {
    this.losses.push({ code, entity, detail, source: this.source, timeMs: Date.now() });
  }
}
