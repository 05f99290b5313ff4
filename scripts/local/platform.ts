import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** A row of an InfoTable in JSON. */
export type Row = Record<string, unknown>;

/** The row of a service that returns an INFOTABLE with one row. */
export function oneRow(answer: unknown): Row {
  const { rows = [] } = answer as { rows?: Row[] };
  const [row] = rows;
  if (!row || rows.length !== 1) throw new Error(`Expected a table with one row: ${JSON.stringify(answer)}`);
  return row;
}

/** ThingWorx as an administrator uses it over REST: what Composer does, by the same addresses. */
export class Platform {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(options: { url: string; user: string; password: string }) {
    this.#url = options.url;
    this.#headers = {
      authorization: `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`,
      accept: 'application/json',
      'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE',
      'x-requested-with': 'XMLHttpRequest',
    };
  }

  async importExtension(zipFile: string): Promise<void> {
    const form = new FormData();
    form.append('file', new Blob([await readFile(zipFile)]), path.basename(zipFile));
    const answer = await fetch(`${this.#url}/ExtensionPackageUploader?purpose=import&validate=false`, {
      method: 'POST',
      headers: this.#headers,
      body: form,
    });
    const text = await answer.text();
    if (!answer.ok) {
      const reason = await this.#lastImportError();
      throw new Error(`The import of ${path.basename(zipFile)} was refused with ${answer.status}: ${reason}`);
    }
    const failed = installReports(JSON.parse(text)).find((report) => report.extensionReportStatus !== 0);
    if (failed)
      throw new Error(`The import of ${path.basename(zipFile)} reports: ${String(failed.reportMessage)}`);
  }

  invoke(thing: string, service: string, parameters: unknown = {}): Promise<unknown> {
    return this.invokeOn('Things', thing, service, parameters);
  }

  invokeOn(collection: string, name: string, service: string, parameters: unknown = {}): Promise<unknown> {
    return this.#send('POST', `${collection}/${encodeURIComponent(name)}/Services/${service}`, parameters);
  }

  /** Creates and starts a Thing, as Composer's Save does. */
  async createThing(name: string, thingTemplateName: string): Promise<void> {
    await this.invokeOn('Resources', 'EntityServices', 'CreateThing', {
      name,
      thingTemplateName,
      description: '',
    });
    await this.invoke(name, 'EnableThing');
    await this.invoke(name, 'RestartThing');
  }

  async addProperty(
    thing: string,
    name: string,
    type: string,
    options: { logged?: boolean } = {},
  ): Promise<void> {
    await this.invoke(thing, 'AddPropertyDefinition', {
      name,
      type,
      description: '',
      category: '',
      dataShape: '',
      readOnly: false,
      persistent: false,
      logged: options.logged ?? false,
      // With VALUE the platform stores a value only when it differs from the last one.
      dataChangeType: 'ALWAYS',
      remote: false,
    });
  }

  async setProperties(thing: string, values: Row): Promise<void> {
    await this.#send('PUT', `Things/${encodeURIComponent(thing)}/Properties/*`, values);
  }

  async properties(thing: string): Promise<Row> {
    const table = (await this.#send('GET', `Things/${encodeURIComponent(thing)}/Properties/`)) as {
      rows?: Row[];
    };
    return table.rows?.[0] ?? {};
  }

  /** All rows of a Thing's value stream, oldest first. */
  async history(thing: string, maxItems: number): Promise<Row[]> {
    const table = (await this.invoke(thing, 'QueryPropertyHistory', { maxItems, oldestFirst: true })) as {
      rows?: Row[];
    };
    return table.rows ?? [];
  }

  /** The uploader answers without a reason; the ApplicationLog has it. */
  async #lastImportError(): Promise<string> {
    const table = (await this.#send('POST', 'Logs/ApplicationLog/Services/QueryLogEntries', {
      maxItems: 20,
      fromLogLevel: 'WARN',
    })) as { rows?: Row[] };
    const entry = table.rows?.find((row) => String(row['origin']).includes('ExtensionPackageUploader'));
    return String(entry?.['content'] ?? 'see the ApplicationLog');
  }

  async #send(method: string, target: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${this.#url}/${target}`, {
      method,
      headers: { ...this.#headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok)
      throw new Error(`${method} ${target} was answered ${answer.status}: ${text.slice(0, 300)}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}

function installReports(answer: unknown): Row[] {
  const steps = (answer as { rows?: Record<string, { rows?: Row[] }>[] }).rows ?? [];
  return steps.flatMap((step) => step.install?.rows ?? []);
}
