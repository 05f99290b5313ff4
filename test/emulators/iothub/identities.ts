/**
 * The identity registry: devices and the modules on them. Knows no protocol; who must react to a change (sessions,
 * twins, life-cycle events) listens to its events.
 */
import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { HubError } from './hub-error.ts';
import {
  type ConnectionState,
  checkId,
  type Identity,
  identityKey,
  never,
  newEtag,
  newGenerationId,
  readAuthentication,
  readStatus,
  readStatusReason,
} from './identity.ts';
import type { Collection, StateStore } from './state-store.ts';

/** What a client may send; everything is checked here. */
export interface IdentityInput {
  authentication?: unknown;
  status?: unknown;
  statusReason?: unknown;
  capabilities?: { iotEdge?: unknown } | null;
  deviceScope?: unknown;
  parentScopes?: unknown;
  managedBy?: unknown;
}

interface IdentityEvents {
  created: [identity: Identity];
  updated: [identity: Identity];
  /** The identity may not connect any more: its connections must be cut. */
  disabled: [identity: Identity];
  deleted: [identity: Identity];
  connectionStateChanged: [identity: Identity];
  modelIdChanged: [identity: Identity];
}

/** Limit of the documentation: 50 modules per device. */
const maxModulesPerDevice = 50;
const scopePrefix = 'ms-azure-iot-edge://';

export class Identities extends EventEmitter<IdentityEvents> {
  readonly #identities: Collection<Identity>;
  /** device id -> ids of its modules, in order of creation. */
  readonly #modules = new Map<string, Set<string>>();

  constructor(store: StateStore) {
    super();
    this.#identities = store.collection<Identity>('identities');
  }

  /** Call once the store has started: nothing is connected after a restart. */
  start(): void {
    this.#modules.clear();
    for (const identity of [...this.#identities.values()]) {
      if (identity.moduleId !== undefined) this.#modulesOf(identity.deviceId).add(identity.moduleId);
      if (identity.connectionState === 'Connected') {
        this.#put({ ...identity, connectionState: 'Disconnected', connectionStateUpdatedTime: now() });
      }
    }
  }

  get(deviceId: string, moduleId?: string): Identity | undefined {
    return this.#identities.get(identityKey(deviceId, moduleId));
  }

  /** Throws DeviceNotFound or ModuleNotFound. */
  require(deviceId: string, moduleId?: string): Identity {
    const identity = this.get(deviceId, moduleId);
    if (identity) return identity;
    if (moduleId === undefined || !this.get(deviceId)) {
      throw new HubError('DeviceNotFound', `Device ${deviceId} not registered`);
    }
    throw new HubError('ModuleNotFound', `Module ${deviceId}/${moduleId} not registered`);
  }

  /** Devices and modules. */
  all(): Iterable<Identity> {
    return this.#identities.values();
  }

  /** Devices in order of creation. */
  *devices(): Iterable<Identity> {
    for (const identity of this.#identities.values()) if (identity.moduleId === undefined) yield identity;
  }

  modulesOf(deviceId: string): Identity[] {
    const ids = [...(this.#modules.get(deviceId) ?? [])];
    return ids.map((moduleId) => this.get(deviceId, moduleId)).filter((module) => module !== undefined);
  }

  statistics(): { totalDeviceCount: number; enabledDeviceCount: number; disabledDeviceCount: number } {
    let total = 0;
    let enabled = 0;
    for (const device of this.devices()) {
      total += 1;
      if (device.status === 'enabled') enabled += 1;
    }
    return { totalDeviceCount: total, enabledDeviceCount: enabled, disabledDeviceCount: total - enabled };
  }

  connectedDeviceCount(): number {
    let connected = 0;
    for (const device of this.devices()) if (device.connectionState === 'Connected') connected += 1;
    return connected;
  }

  /** Throws DeviceAlreadyExists, ModuleAlreadyExistsOnDevice, DeviceNotFound (parent of a module), ArgumentInvalid. */
  create(deviceId: string, moduleId: string | undefined, input: IdentityInput): Identity {
    checkId(deviceId, 'deviceId');
    if (moduleId === undefined) {
      if (this.get(deviceId))
        throw new HubError('DeviceAlreadyExists', `Device ${deviceId} already registered`);
    } else {
      this.#checkNewModule(deviceId, checkId(moduleId, 'moduleId'));
    }
    const identity: Identity = {
      deviceId,
      ...(moduleId === undefined ? {} : { moduleId }),
      generationId: newGenerationId(),
      etag: newEtag(),
      status: readStatus(input.status),
      statusReason: readStatusReason(input.statusReason),
      statusUpdatedTime: never,
      connectionState: 'Disconnected',
      connectionStateUpdatedTime: never,
      lastActivityTime: never,
      authentication: readAuthentication(input.authentication),
      capabilities: { iotEdge: moduleId === undefined && input.capabilities?.iotEdge === true },
      ...(moduleId === undefined || typeof input.managedBy !== 'string'
        ? {}
        : { managedBy: input.managedBy }),
      modelId: '',
      ...(moduleId === undefined ? this.#scopes(deviceId, input) : {}),
    };
    this.#put(identity);
    if (moduleId !== undefined) this.#modulesOf(deviceId).add(moduleId);
    this.emit('created', identity);
    if (identity.capabilities.iotEdge) this.#createEdgeModules(deviceId);
    return identity;
  }

  /** `ifMatch` is an etag without quotes, '*', or undefined for no condition. Throws PreconditionFailed. */
  update(deviceId: string, moduleId: string | undefined, input: IdentityInput, ifMatch?: string): Identity {
    const before = this.require(deviceId, moduleId);
    checkEtag(before, ifMatch);
    const status = moduleId === undefined ? readStatus(input.status, before.status) : before.status;
    const iotEdge =
      moduleId === undefined && (input.capabilities?.iotEdge ?? before.capabilities.iotEdge) === true;
    const { deviceScope, parentScopes, ...kept } = before;
    const identity: Identity = {
      ...kept,
      etag: newEtag(),
      status,
      statusReason: readStatusReason(input.statusReason),
      statusUpdatedTime: status === before.status ? before.statusUpdatedTime : now(),
      authentication: readAuthentication(input.authentication, before.authentication),
      capabilities: { iotEdge },
      ...(typeof input.managedBy === 'string' && moduleId !== undefined
        ? { managedBy: input.managedBy }
        : {}),
      ...(moduleId === undefined
        ? this.#scopes(deviceId, {
            deviceScope,
            parentScopes,
            ...definedScopes(input),
            capabilities: { iotEdge },
          })
        : {}),
    };
    this.#put(identity);
    this.emit('updated', identity);
    if (status === 'disabled' && before.status === 'enabled') this.emit('disabled', identity);
    if (iotEdge && !before.capabilities.iotEdge) this.#createEdgeModules(deviceId);
    return identity;
  }

  /** A device takes its modules with it. Throws DeviceNotFound, ModuleNotFound, PreconditionFailed. */
  delete(deviceId: string, moduleId?: string, ifMatch?: string): void {
    const identity = this.require(deviceId, moduleId);
    checkEtag(identity, ifMatch);
    if (moduleId === undefined) {
      for (const module of this.modulesOf(deviceId)) this.#remove(module);
      this.#modules.delete(deviceId);
    } else {
      this.#modules.get(deviceId)?.delete(moduleId);
    }
    this.#remove(identity);
  }

  setConnectionState(deviceId: string, moduleId: string | undefined, state: ConnectionState): void {
    const before = this.get(deviceId, moduleId);
    if (!before || before.connectionState === state) return;
    const time = now();
    const identity: Identity = {
      ...before,
      connectionState: state,
      connectionStateUpdatedTime: time,
      lastActivityTime: time,
    };
    this.#put(identity);
    this.emit('connectionStateChanged', identity);
  }

  /** Remembers the model id that a device announced on connecting; returns whether it is another than before. */
  setModelId(deviceId: string, moduleId: string | undefined, modelId: string): boolean {
    const before = this.get(deviceId, moduleId);
    if (!before || before.modelId === modelId) return false;
    const identity = { ...before, modelId };
    this.#put(identity);
    this.emit('modelIdChanged', identity);
    return true;
  }

  /** Notes that the device sent, received or authenticated. Kept in memory: a journal line per message is too much. */
  touch(deviceId: string, moduleId?: string): void {
    const identity = this.get(deviceId, moduleId);
    if (identity) identity.lastActivityTime = now();
  }

  #checkNewModule(deviceId: string, moduleId: string): void {
    this.require(deviceId);
    if (this.get(deviceId, moduleId)) {
      throw new HubError(
        'ModuleAlreadyExistsOnDevice',
        `Module ${moduleId} already exists on device ${deviceId}`,
      );
    }
    if (this.#modulesOf(deviceId).size >= maxModulesPerDevice) {
      throw new HubError('TooManyModulesOnDevice', `A device has at most ${maxModulesPerDevice} modules`);
    }
  }

  /** IoT Hub makes the two system modules of an Edge device by itself. */
  #createEdgeModules(deviceId: string): void {
    for (const moduleId of ['$edgeAgent', '$edgeHub']) {
      if (!this.get(deviceId, moduleId)) this.create(deviceId, moduleId, { managedBy: 'IotEdge' });
    }
  }

  /**
   * An Edge device has a scope of its own and its parents' scopes in parentScopes; for a leaf device the two are the
   * same (articles on nested Edge hierarchies).
   */
  #scopes(deviceId: string, input: IdentityInput): Pick<Identity, 'deviceScope' | 'parentScopes'> {
    const given =
      typeof input.deviceScope === 'string' && input.deviceScope !== '' ? input.deviceScope : undefined;
    const parents = Array.isArray(input.parentScopes) ? input.parentScopes.filter(isText) : undefined;
    for (const scope of parents ?? []) this.#checkScope(scope);
    if (input.capabilities?.iotEdge === true) {
      const deviceScope = given ?? `${scopePrefix}${deviceId}-${randomInt(2 ** 40)}`;
      return parents ? { deviceScope, parentScopes: parents } : { deviceScope };
    }
    const parent = given ?? parents?.[0];
    if (parent !== undefined) this.#checkScope(parent);
    return parent === undefined ? {} : { deviceScope: parent, parentScopes: [parent] };
  }

  /** A scope must be that of an Edge device of this hub. */
  #checkScope(scope: string): void {
    for (const device of this.devices()) {
      if (device.capabilities.iotEdge && device.deviceScope === scope) return;
    }
    throw new HubError('InvalidDeviceScope', `No Edge device has the scope ${scope}`);
  }

  #modulesOf(deviceId: string): Set<string> {
    let ids = this.#modules.get(deviceId);
    if (!ids) {
      ids = new Set();
      this.#modules.set(deviceId, ids);
    }
    return ids;
  }

  #put(identity: Identity): void {
    this.#identities.set(identityKey(identity.deviceId, identity.moduleId), identity);
  }

  #remove(identity: Identity): void {
    this.#identities.delete(identityKey(identity.deviceId, identity.moduleId));
    this.emit('deleted', identity);
  }
}

function checkEtag(identity: Identity, ifMatch: string | undefined): void {
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== identity.etag) {
    throw new HubError('PreconditionFailed', `Etag ${ifMatch} does not match the current ${identity.etag}`);
  }
}

function definedScopes(input: IdentityInput): Pick<IdentityInput, 'deviceScope' | 'parentScopes'> {
  return {
    ...(input.deviceScope === undefined ? {} : { deviceScope: input.deviceScope }),
    ...(input.parentScopes === undefined ? {} : { parentScopes: input.parentScopes }),
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function now(): string {
  return new Date().toISOString();
}
