import { openAsBlob } from 'node:fs';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import { type PropertyValues, ThingworxClient, type ThingworxLogin } from '../thingworx/client.ts';

type Row = Readonly<Record<string, unknown>>;

/** Imports of a large zip take longer than other calls. */
const IMPORT_TIMEOUT_MS = 300_000;

/** The status of a report of the uploader: 0 done, 1 failed, 2 warning, 3 queued until ThingWorx restarts. */
const DONE = 0;
const WARNING = 2;
const QUEUED = 3;

/** ThingWorx as an administrator uses it over REST: what Composer does, by the same services. */
export class Administrator {
  readonly #client: ThingworxClient;

  constructor(url: string, login: ThingworxLogin) {
    this.#client = new ThingworxClient({ url, ...login });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** The version of ThingWorx, which also shows that the login is one of an administrator. */
  async version(): Promise<string> {
    return String(single(await this.call('Subsystems', 'PlatformSubsystem', 'GetThingworxVersion')));
  }

  /** The version of an extension package; undefined when it is not installed. */
  async extension(name: string): Promise<string | undefined> {
    const rows = rowsOf(await this.call('Subsystems', 'PlatformSubsystem', 'GetExtensionPackageList'));
    const found = rows.find((row) => row['name'] === name);
    return found === undefined ? undefined : String(found['packageVersion']);
  }

  /** @throws ConnectorError EXTENSION_REFUSED with the reason that ThingWorx gives, or has in its log */
  async importExtension(file: string): Promise<void> {
    const name = path.basename(file);
    let zip: Blob;
    try {
      zip = await openAsBlob(file);
    } catch (cause) {
      throw new ConnectorError('SETTING_INVALID', `--zip: the file ${file} cannot be read.`, { cause });
    }
    const target = 'ExtensionPackageUploader?purpose=import&validate=false';
    let text: string;
    try {
      text = await this.#client.postFile(target, zip, name, { timeoutMs: IMPORT_TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'THINGWORX_REJECTED') throw error;
      throw new ConnectorError('EXTENSION_REFUSED', `${name}: ${await this.#importError()}`, {
        cause: error,
      });
    }
    const reports = rowsOf(JSON.parse(text)).flatMap((step) => rowsOf(step['install']));
    for (const { extensionReportStatus: status, reportMessage } of reports) {
      if (status === DONE || status === WARNING) continue;
      const advice = status === QUEUED ? ' Restart ThingWorx and run setup again.' : '';
      throw new ConnectorError('EXTENSION_REFUSED', `${name}: ${String(reportMessage)}.${advice}`);
    }
  }

  /** The uploader answers 406 without a reason; the reason is in the log of ThingWorx. */
  async #importError(): Promise<string> {
    const parameters = { maxItems: 20, fromLogLevel: 'ERROR', toLogLevel: 'ERROR' };
    const rows = rowsOf(await this.call('Logs', 'ApplicationLog', 'QueryLogEntries', parameters));
    const entry = rows.find((row) => String(row['origin']).includes('ExtensionPackageUploader'));
    return String(entry?.['content'] ?? 'the ApplicationLog of ThingWorx has the reason');
  }

  async exists(collection: string, name: string): Promise<boolean> {
    const parameters = { type: collection, nameMask: name, maxItems: 1000 };
    const rows = rowsOf(await this.call('Resources', 'EntityServices', 'GetEntityList', parameters));
    return rows.some((row) => row['name'] === name);
  }

  /** Calls a service of the resource EntityServices. */
  async entityService(service: string, parameters: Row): Promise<void> {
    await this.call('Resources', 'EntityServices', service, parameters);
  }

  /** The single value of a service. */
  async value(collection: string, name: string, service: string): Promise<unknown> {
    return single(await this.call(collection, name, service));
  }

  async rows(collection: string, name: string, service: string): Promise<readonly Row[]> {
    return rowsOf(await this.call(collection, name, service));
  }

  call(collection: string, name: string, service: string, parameters: Row = {}): Promise<unknown> {
    return this.#client.invokeOn(collection, name, service, parameters);
  }

  properties(thing: string): Promise<PropertyValues> {
    return this.#client.properties(thing);
  }

  setProperties(thing: string, values: PropertyValues): Promise<void> {
    return this.#client.setProperties(thing, values);
  }
}

function rowsOf(table: unknown): Row[] {
  return (table as { rows?: Row[] } | undefined)?.rows ?? [];
}

function single(table: unknown): unknown {
  return rowsOf(table)[0]?.['result'];
}
