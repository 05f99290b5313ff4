/**
 * Automatic device management and IoT Edge deployments: configurations with a target condition and a priority write
 * desired properties into the twins that they match. After the articles "Automatic device management" and "Understand
 * IoT Edge automatic deployments".
 *
 * The service looks every few minutes; here it is at once after a change of a configuration, an identity or a twin.
 * Not known: how the service records what it wrote. Here the paths are kept beside the twin, so that they can be taken
 * away again when a twin leaves the target.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type Configuration,
  type ConfigurationContent,
  collectionOf,
  conditionProblem,
  metricProblem,
  type PathContent,
  readConfiguration,
  readContent,
} from './configuration.ts';
import { type DesiredState, desiredStates, moduleNames, patchOf } from './deployment.ts';
import { HubError } from './hub-error.ts';
import type { Identities } from './identities.ts';
import { identityKey } from './identity.ts';
import type { Queries } from './query/queries.ts';
import type { Quotas } from './quotas.ts';
import type { Collection, StateStore } from './state-store.ts';
import { isObject, type JsonObject } from './twin-document.ts';
import type { Twins } from './twins.ts';

export interface ConfigurationsParts {
  store: StateStore;
  identities: Identities;
  twins: Twins;
  queries: Queries;
  quotas: Quotas;
}

export class Configurations {
  readonly #parts: ConfigurationsParts;
  readonly #configurations: Collection<Configuration>;
  /** Twin key -> what configurations wrote into it: path -> value. */
  readonly #written: Collection<PathContent>;
  #scheduled: NodeJS.Immediate | undefined;
  #applying = false;

  constructor(parts: ConfigurationsParts) {
    this.#parts = parts;
    this.#configurations = parts.store.collection<Configuration>('configurations');
    this.#written = parts.store.collection<PathContent>('configured');
  }

  start(): void {
    const { identities, twins } = this.#parts;
    identities.on('created', () => this.#schedule());
    identities.on('updated', () => this.#schedule());
    identities.on('deleted', ({ deviceId, moduleId }) =>
      this.#written.delete(identityKey(deviceId, moduleId)),
    );
    twins.on('changed', () => this.#schedule());
    this.#schedule();
  }

  stop(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }

  list(top: number): JsonObject[] {
    return [...this.#configurations.values()]
      .slice(0, top)
      .map((configuration) => this.#render(configuration));
  }

  /** Throws ConfigurationNotFound. */
  get(id: string): { body: JsonObject; etag: string } {
    const configuration = this.#require(id);
    return { body: this.#render(configuration), etag: configuration.etag };
  }

  /** Creates without `ifMatch`, updates with it. The content of a configuration never changes. */
  put(id: string, input: JsonObject, ifMatch: string | undefined): { body: JsonObject; etag: string } {
    const before = this.#configurations.get(id);
    if (ifMatch === undefined && before) {
      throw new HubError('ConfigurationAlreadyExists', `Configuration ${id} already exists`);
    }
    if (ifMatch !== undefined) checkEtag(this.#require(id), ifMatch);
    else if (this.#configurations.size >= this.#parts.quotas.configurations) {
      throw new HubError('ConfigurationCountLimitExceeded');
    }
    const configuration = readConfiguration(id, input, before);
    if (before && !isDeepStrictEqual(before.content, configuration.content)) {
      throw new HubError('CannotModifyImmutableConfigurationContent');
    }
    this.#configurations.set(id, configuration);
    this.apply();
    return this.get(id);
  }

  delete(id: string, ifMatch: string | undefined): void {
    checkEtag(this.#require(id), ifMatch);
    this.#configurations.delete(id);
    this.apply();
  }

  /** Tells what is wrong with a condition and with metric queries, without keeping them. */
  test(input: JsonObject): JsonObject {
    const condition = typeof input.targetCondition === 'string' ? input.targetCondition : '';
    const queries = isObject(input.customMetricQueries) ? input.customMetricQueries : {};
    const problems = Object.entries(queries)
      .map(([name, query]) => [name, metricProblem(String(query))] as const)
      .filter(([, problem]) => problem !== undefined);
    return {
      targetConditionError: conditionProblem(condition) ?? null,
      customMetricQueryErrors: Object.fromEntries(problems),
    };
  }

  /** Writes a content into one device, as a deployment to a single Edge device does. */
  applyContent(deviceId: string, given: unknown): void {
    const { identities } = this.#parts;
    const device = identities.require(deviceId);
    const content = readContent(given);
    if (content.modulesContent) {
      if (!device.capabilities.iotEdge) {
        throw new HubError('InvalidConfigurationContent', `Device ${deviceId} is not an IoT Edge device`);
      }
      for (const system of ['$edgeAgent', '$edgeHub']) {
        if (!content.modulesContent[system]) {
          throw new HubError('InvalidConfigurationContent', `modulesContent has no ${system}`);
        }
      }
      this.#createModules(deviceId, content);
      for (const [moduleId, paths] of Object.entries(content.modulesContent))
        this.#write(deviceId, moduleId, paths, {});
    }
    if (content.deviceContent) this.#write(deviceId, undefined, content.deviceContent, {});
  }

  /** Brings every twin in line with the configurations. */
  apply(): void {
    if (this.#applying) return;
    this.#applying = true;
    try {
      const wanted = this.#wanted();
      for (const [key, state] of wanted) {
        if (!this.#parts.identities.get(state.deviceId, state.moduleId)) continue;
        this.#write(state.deviceId, state.moduleId, state.paths, this.#written.get(key) ?? {});
        this.#written.set(key, state.paths);
        this.#mark(state.deviceId, state.moduleId, state.configurations);
      }
      for (const [key, paths] of [...this.#written.entries()]) {
        if (wanted.has(key)) continue;
        const [deviceId = '', moduleId] = key.split('/');
        if (this.#parts.identities.get(deviceId, moduleId)) this.#write(deviceId, moduleId, {}, paths);
        this.#written.delete(key);
      }
      this.#unmark(wanted);
    } finally {
      this.#applying = false;
    }
  }

  #wanted(): Map<string, DesiredState> {
    const { queries, identities } = this.#parts;
    const targeted = [...this.#configurations.values()].map((configuration) => ({
      configuration,
      targets: queries
        .targets(configuration.targetCondition)
        .filter(
          (target) => (target.moduleId !== undefined) === (collectionOf(configuration) === 'devices.modules'),
        )
        .filter(
          ({ deviceId }) =>
            !configuration.content.modulesContent || identities.get(deviceId)?.capabilities.iotEdge === true,
        ),
    }));
    for (const { configuration, targets } of targeted) {
      for (const { deviceId } of targets) this.#createModules(deviceId, configuration.content);
    }
    return desiredStates(targeted);
  }

  /** A deployment brings its modules' identities into being. */
  #createModules(deviceId: string, content: ConfigurationContent): void {
    for (const moduleId of moduleNames(content)) {
      if (!this.#parts.identities.get(deviceId, moduleId)) {
        this.#parts.identities.create(deviceId, moduleId, { managedBy: 'IotEdge' });
      }
    }
  }

  #write(deviceId: string, moduleId: string | undefined, paths: PathContent, before: PathContent): void {
    const { twins } = this.#parts;
    const current = twins.require(deviceId, moduleId).desired.value;
    const change = patchOf(current, paths, before);
    if (!change) return;
    const input = { properties: { desired: change.document } };
    if (change.whole) twins.replace(deviceId, moduleId, input);
    else twins.patch(deviceId, moduleId, input);
  }

  #mark(
    deviceId: string,
    moduleId: string | undefined,
    configurations: DesiredState['configurations'],
  ): void {
    const { twins } = this.#parts;
    if (isDeepStrictEqual(twins.require(deviceId, moduleId).configurations, configurations)) return;
    twins.setConfigurations(deviceId, moduleId, configurations);
  }

  #unmark(wanted: ReadonlyMap<string, DesiredState>): void {
    for (const { deviceId, moduleId } of this.#parts.identities.all()) {
      if (wanted.has(identityKey(deviceId, moduleId))) continue;
      if (this.#parts.twins.peek(deviceId, moduleId)) this.#mark(deviceId, moduleId, {});
    }
  }

  #schedule(): void {
    if (this.#applying || this.#scheduled || (this.#configurations.size === 0 && this.#written.size === 0))
      return;
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined;
      this.apply();
    });
  }

  #require(id: string): Configuration {
    const configuration = this.#configurations.get(id);
    if (!configuration) throw new HubError('ConfigurationNotFound', `Configuration ${id} not found`);
    return configuration;
  }

  #render(configuration: Configuration): JsonObject {
    const { metrics, ...shown } = configuration;
    const from = collectionOf(configuration);
    const select = `select ${from === 'devices' ? 'deviceId' : 'deviceId, moduleId'} from ${from}`;
    const target = configuration.targetCondition.trim();
    const where = target === '*' ? '' : ` where ${target.replace(/^from\s+\S+\s+where\s+/i, '')}`;
    const system = {
      targetedCount: `${select}${where}`,
      appliedCount: `${select} where configurations.[[${configuration.id}]].status = 'Applied'`,
    };
    const count = (queries: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(queries).map(([name, query]) => [name, this.#parts.queries.count(query)]),
      );
    return {
      ...shown,
      systemMetrics: target === '' ? emptyMetrics(system) : { results: count(system), queries: system },
      metrics: { results: count(metrics), queries: metrics },
    };
  }
}

/** An empty target condition matches nothing and makes no query. */
function emptyMetrics(system: { appliedCount: string }): JsonObject {
  return { results: { targetedCount: 0, appliedCount: 0 }, queries: { appliedCount: system.appliedCount } };
}

function checkEtag(configuration: Configuration, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== configuration.etag) {
    throw new HubError(
      'PreconditionFailed',
      `Etag ${ifMatch} does not match the current ${configuration.etag}`,
    );
  }
}
