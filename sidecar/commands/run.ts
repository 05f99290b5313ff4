import path from 'node:path';
import { ServiceClock } from '../azure/service-clock.ts';
import { StorageAccounts } from '../files/accounts.ts';
import { createApp } from '../http/app.ts';
import { Console } from '../http/console.ts';
import { loadConsoleAssets } from '../http/console-assets.ts';
import { HttpServer } from '../http/server.ts';
import { HubDirectory } from '../hub/directory.ts';
import { HUB_THINGS, STORAGE_THINGS, ThingFinder } from '../hub/finder.ts';
import { History } from '../hub/history.ts';
import { Introduction, sidecarAddresses } from '../hub/introduction.ts';
import { Owner } from '../hub/owner.ts';
import { MessageWatch } from '../ingest/message-watch.ts';
import { ClockWatch } from '../lib/clock-watch.ts';
import { ProcessUsage } from '../lib/process-usage.ts';
import { StateDirectoryWatch } from '../lib/state-directory-watch.ts';
import { migrateState } from '../lib/state-format.ts';
import { healthRoutes } from '../observe/health.ts';
import { captureAzureLog, createLog, endOnUnexpected, type Log } from '../observe/log.ts';
import { LogRing } from '../observe/log-ring.ts';
import { Metrics } from '../observe/metrics.ts';
import { ServiceManager } from '../observe/service-manager.ts';
import type { Traces } from '../observe/traces.ts';
import { OPERATIONS } from '../operations/index.ts';
import { OneTimeSecretTokens } from '../secrets/one-time-secret-tokens.ts';
import { resolveToken } from '../secrets/sidecar-token.ts';
import { openStateDirectory } from '../secrets/state-directory.ts';
import { isExposed, loadSettings } from '../settings.ts';
import { ThingworxClient } from '../thingworx/client.ts';
import { KeyExpiry } from '../thingworx/key-expiry.ts';
import { VERSION } from '../version.ts';

/** Runs the sidecar until SIGTERM or SIGINT ends it. */
export async function run(): Promise<void> {
  const settings = loadSettings(process.env);
  const logRing = new LogRing(process.stdout);
  const log = createLog(settings.logLevel, logRing);
  endOnUnexpected(log);
  captureAzureLog(log);
  if (isExposed(settings.thingworxUrl)) {
    log.warn(
      'THINGWORX_URL has no TLS: whoever listens on the way sees the application key and all values. Use https.',
    );
  }
  await openStateDirectory(settings.stateDirectory);
  await migrateState(settings.stateDirectory, log);
  const traces = await startTraces(settings.tracesUrl, log);
  const owner = new Owner({ stateDirectory: settings.stateDirectory, log });
  await owner.start();
  const token = await resolveToken(settings.sidecarToken, settings.stateDirectory);
  const clock = new ServiceClock(log);
  const metrics = new Metrics(() => clock.offsetMs / 1000);
  const client = new ThingworxClient({ url: settings.thingworxUrl, appKey: settings.thingworxAppKey });
  const secretTokens = new OneTimeSecretTokens();
  const storages = new StorageAccounts({ secretTokens, stateDirectory: settings.stateDirectory, log });
  const watch = new MessageWatch();
  const stateWatch = new StateDirectoryWatch({ directory: settings.stateDirectory, log });
  const clocks = new ClockWatch({ origins: () => [client.origin, ...hubs.origins()], log });
  const keyExpiry = new KeyExpiry({ client, name: settings.thingworxAppKeyName, log });
  const problems = () =>
    [stateWatch.problem, clocks.problem, keyExpiry.problem].filter((problem) => problem !== undefined);
  let addresses: readonly string[] = [];
  const usage = new ProcessUsage();
  const hubs = new HubDirectory(
    {
      client,
      log,
      metrics,
      storages,
      watch,
      version: VERSION,
      stateDirectory: settings.stateDirectory,
      owner,
      clock,
      clocks,
      stateWatch,
      problems,
      usage,
      eventReceiver: settings.eventReceiver,
      addresses: () => addresses,
    },
    secretTokens,
  );
  const introduction = new Introduction(client, log, () => addresses);
  const finder = new ThingFinder(
    client,
    log,
    HUB_THINGS,
    introduction,
    (thing) => hubs.hasOffer(thing),
    (thing, signal) => hubs.join(thing, signal),
  );
  const storageFinder = new ThingFinder(client, log, STORAGE_THINGS, introduction, (thing) =>
    storages.hasOffer(thing),
  );
  const warnings = () =>
    [...problems(), ...hubs.refusals(), ...storages.refusals()].map(({ message }) => message);
  metrics.watch(() => ({
    isStateDirectoryWritable: stateWatch.problem === undefined,
    isThingworxReachable: client.isReachable,
    applicationKeyExpiresAtMs: keyExpiry.expiresAtMs,
    clockOffsets: clocks.offsets,
    refusedSettings: new Map(
      [...hubs.refusals(), ...storages.refusals()].map(({ thing, settings }) => [thing, settings]),
    ),
  }));
  const sidecar = { version: VERSION, startedAt: new Date() };
  const history = new History({
    hubs: () => hubs.statuses(),
    stateDirectory: settings.stateDirectory,
    usage,
  });
  const webConsole = new Console({
    assets: await loadConsoleAssets(path.join(import.meta.dirname, 'console')),
    viewerToken: settings.viewerToken,
    sources: {
      log: logRing,
      messages: watch,
      history,
      hubs: () => hubs.statuses(),
      notReady: () => hubs.readiness(finder).reasons,
      sidecar,
    },
  });
  const app = createApp({
    operations: OPERATIONS,
    context: { hubs, history, storages, secretTokens, thingworx: client, clocks, sidecar },
    token,
    hosts: [settings.host, ...settings.hostNames, ...settings.publicUrls.map((url) => new URL(url).hostname)],
    log,
    introduction,
    console: webConsole,
    mount: healthRoutes(() => ({ ...hubs.readiness(finder), warnings: warnings() }), metrics),
  });
  const server = new HttpServer(app, { host: settings.host, port: settings.port, tls: settings.tls });

  const port = await server.start();
  addresses = sidecarAddresses({ ...settings, port, tls: settings.tls !== undefined });
  finder.start();
  storageFinder.start();
  const manager = new ServiceManager(process.env, log);
  manager.start();
  history.start();
  stateWatch.start();
  clocks.start();
  keyExpiry.start();
  log.info(
    { version: VERSION, host: settings.host, port, thingworx: client.address },
    'The sidecar listens.',
  );

  const signal = await untilSignalled();
  log.info({ signal }, 'Stopping.');
  manager.stop();
  history.stop();
  webConsole.stop();
  await Promise.all([
    finder.stop(),
    storageFinder.stop(),
    stateWatch.stop(),
    clocks.stop(),
    keyExpiry.stop(),
  ]);
  await hubs.stop();
  await owner.stop();
  await server.stop();
  await client.close();
  await traces?.stop();
  log.info('Stopped.');
}

/** The libraries of OpenTelemetry take time to load, so they are loaded only for who wants traces. */
async function startTraces(url: string | undefined, log: Log): Promise<Traces | undefined> {
  if (url === undefined) return undefined;
  const { Traces } = await import('../observe/traces.ts');
  const traces = new Traces({ url, log });
  traces.start();
  return traces;
}

function untilSignalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}
