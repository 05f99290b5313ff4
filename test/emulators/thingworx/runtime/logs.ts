export const logLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogName =
  | 'ApplicationLog'
  | 'ScriptLog'
  | 'ErrorLog'
  | 'SecurityLog'
  | 'ConfigurationLog'
  | 'CommunicationLog';

export interface LogEntry {
  timeMs: number;
  level: LogLevel;
  content: string;
  /** Class or component that wrote the entry, for example `c.t.webservices.ExtensionPackageUploader`. */
  origin: string;
  instance: string;
  user: string;
}

const mostEntries = 10_000;

/** The platform's logs, in memory; each keeps its newest 10,000 entries. */
export class Logs {
  private readonly logs = new Map<string, LogEntry[]>();

  write(log: LogName, entry: Omit<LogEntry, 'timeMs' | 'instance' | 'user'> & Partial<LogEntry>): void {
    let entries = this.logs.get(log);
    if (entries === undefined) {
      entries = [];
      this.logs.set(log, entries);
    }
    entries.push({ timeMs: Date.now(), instance: '', user: 'System', ...entry });
    if (entries.length > mostEntries + 1_000) {
      entries.splice(0, entries.length - mostEntries);
    }
  }

  entries(log: string): readonly LogEntry[] {
    return this.logs.get(log) ?? [];
  }
}
