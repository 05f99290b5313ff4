import { randomUUID } from 'node:crypto';
import { Faults } from './control/faults.ts';
import { ControlServer } from './control/server.ts';
import { Extensions } from './import/extensions.ts';
import { type ImportPolicy, PackageReader } from './import/package-reader.ts';
import { LossList } from './import/report.ts';
import { scriptJudge } from './import/script-check.ts';
import { resourceEntity } from './model/builtin.ts';
import { entityHead } from './model/entity.ts';
import { PasswordCipher } from './password-cipher.ts';
import { FileJournal, readCipher } from './persistence/journal.ts';
import { Platform } from './platform.ts';
import { LivePage } from './rest/page.ts';
import { PlatformServer } from './rest/server.ts';
import { TransferRoutes } from './rest/transfer.ts';
import type { HistoryLimits } from './runtime/history.ts';
import { ScriptEngine } from './script-engine.ts';
import { scriptResources } from './script-resources.ts';
import { hashPassword } from './security/passwords.ts';
import { sourceControlServices } from './services/source-control.ts';
import { defaultSwitches, type Switches, setSwitches } from './switches.ts';

export interface ThingworxOptions {
  /** Address to listen on; loopback only unless given. */
  host?: string;
  /** 0 or absent: a free port. */
  port?: number;
  controlPort?: number;
  administratorPassword?: string;
  /** Key of the Administrator that tests use; a random one if absent. */
  appKey?: string;
  /** Folder for what must survive a restart of the process. Without it everything is in memory. */
  dataDirectory?: string;
  switches?: Partial<Switches>;
  importPolicy?: Partial<ImportPolicy>;
  historyLimits?: Partial<HistoryLimits>;
  scriptTimeoutMs?: number;
  scriptWorkers?: number;
  /** Largest request body; larger ones are answered with 413. */
  bodyLimitBytes?: number;
  /** Version that the platform says it has. */
  version?: string;
}

export interface ThingworxEmulator {
  /** Address of the server, without `/Thingworx`. */
  readonly url: string;
  /** Address of the control endpoint. */
  readonly controlUrl: string;
  /** An application key of the Administrator. */
  readonly appKey: string;
  readonly administrator: { name: string; password: string };
  readonly platform: Platform;
  stop(): Promise<void>;
}

const administratorKey = 'AdministratorKey';

/** What an administrator switches on for an extension of entities alone. */
const defaultPolicy: ImportPolicy = {
  importEnabled: true,
  allowEntities: true,
  allowExtensibleEntities: false,
  allowJarResources: false,
  allowJavascriptResources: false,
  allowCSSResources: false,
  allowJSONResources: false,
  allowWebAppResources: false,
};

/** Starts an emulated ThingWorx server. */
export async function startThingworx(options: ThingworxOptions = {}): Promise<ThingworxEmulator> {
  const switches: Switches = { ...defaultSwitches };
  setSwitches(switches, { ...options.switches });
  const administrator = {
    name: 'Administrator',
    password: options.administratorPassword ?? 'administrator-pw',
  };
  const cipher =
    options.dataDirectory === undefined ? new PasswordCipher() : await readCipher(options.dataDirectory);
  const platform = new Platform({
    switches,
    historyLimits: { perProperty: 10_000, total: 2_000_000, ...options.historyLimits },
    administratorPassword: administrator.password,
    version: options.version ?? '9.5.0',
    cipher,
  });
  const engine = new ScriptEngine(platform.bridge, {
    timeoutMs: options.scriptTimeoutMs ?? 30_000,
    ...(options.scriptWorkers === undefined ? {} : { workers: options.scriptWorkers }),
    switches,
    cipher,
  });
  platform.useScripts(engine);
  platform.useResources(scriptResources(cipher, switches));
  const losses = new LossList();
  const judgeScript = scriptJudge(switches);
  const reader = new PackageReader(platform, { ...defaultPolicy, ...options.importPolicy }, judgeScript);
  const extensions = new Extensions(platform, reader, losses);
  platform.natives.useExtensions(extensions);
  platform.natives.useSourceControl(sourceControlServices(judgeScript, losses));
  platform.store.put(resourceEntity('SourceControlFunctions', 'Source control of entities', new Map()));
  const journal =
    options.dataDirectory === undefined
      ? undefined
      : new FileJournal(options.dataDirectory, platform, extensions);
  await journal?.start();
  if (options.administratorPassword !== undefined) {
    const user = platform.store.get('Users', 'Administrator');
    if (user !== undefined) {
      user.passwordHash = hashPassword(options.administratorPassword);
    }
  }
  const kept = platform.store.get('ApplicationKeys', administratorKey)?.keyId;
  const appKey = options.appKey ?? kept ?? randomUUID();
  addAdministratorKey(platform, appKey);
  const faults = new Faults();
  const host = options.host ?? '127.0.0.1';
  const server = new PlatformServer(
    platform,
    {
      transfer: new TransferRoutes(platform, extensions, losses, judgeScript),
      faults,
      page: new LivePage(platform, faults, () => control.url),
    },
    { host, port: options.port ?? 0, bodyLimitBytes: options.bodyLimitBytes ?? 64 * 1024 * 1024 },
  );
  const control: ControlServer = new ControlServer(
    platform,
    { server, faults, losses, extensions },
    {
      host: '127.0.0.1',
      port: options.controlPort ?? 0,
    },
  );
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await control.stop();
      await server.stop();
      platform.events.stop();
      platform.lifecycle.stopAll();
      await engine.stop();
      await journal?.stop();
    })();
    return stopping;
  };
  try {
    await server.start();
    await control.start();
  } catch (error) {
    await stop();
    throw error;
  }
  platform.lifecycle.startAll();
  return { url: server.url, controlUrl: control.url, appKey, administrator, platform, stop };
}

function addAdministratorKey(platform: Platform, keyId: string): void {
  platform.store.put({
    ...entityHead(administratorKey, { isSystemObject: true, description: 'Key that the emulator prints' }),
    collection: 'ApplicationKeys',
    keyId,
    userNameReference: 'Administrator',
    clientName: '',
    ipWhitelist: '',
    expirationDate: new Date(Date.now() + 10 * 365 * 86_400_000),
  });
}
