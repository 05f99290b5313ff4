import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import common from 'azure-iot-common';
import device, { type Client, type Message, type ModuleClient } from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import { importEvents } from '../../extension/entities/hub-import.ts';
import { deviceEvents, hubDeviceEvents } from '../../extension/entities/hub-inbound.ts';
import { ENTITIES } from '../../extension/entities/index.ts';
import { oneRow, type Row } from '../../scripts/local/platform.ts';
import { HUB_THING, LocalSystem, type SystemOptions } from '../../scripts/local/system.ts';
import { isOneRow } from '../../sidecar/contract/schema.ts';
import { ERRORS, type ErrorCode } from '../../sidecar/errors/catalogue.ts';
import { COMMON_ERRORS } from '../../sidecar/http/openapi.ts';
import { OPERATIONS } from '../../sidecar/operations/index.ts';
import { resultSchema } from '../../sidecar/operations/operation.ts';
import {
  entities,
  implementation,
  property,
  shapeBlocks,
  thing as thingXml,
} from '../emulators/thingworx-tests/platform-support.ts';

export { eventually } from '../e2e/observe.ts';
export { HUB_THING };

type Transport = Parameters<typeof device.Client.fromConnectionString>[1];

const TRANSPORTS = { mqtt: mqtt.Mqtt as unknown as Transport, amqp: amqp.Amqp as unknown as Transport };
export type TransportName = keyof typeof TRANSPORTS;
export const TRANSPORT_NAMES = Object.keys(TRANSPORTS) as TransportName[];

/** The whole product on one machine, and what a user does with it: services in ThingWorx, devices on Microsoft's SDK. */
export class Factory {
  readonly system: LocalSystem;
  readonly #clients: (Client | ModuleClient)[] = [];

  constructor(options: Partial<SystemOptions> = {}) {
    this.system = new LocalSystem({ devices: 0, partitions: 2, localCheckpoints: true, ...options });
  }

  async start(): Promise<void> {
    await this.system.start();
    await this.hub('GrantPermissions');
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#clients.map((client) => client.close()));
    await this.system.stop();
  }

  /** Calls a service; the value out of the result table where there is one, or the row of a service that returns one. */
  async call<T = Row>(thing: string, service: string, parameters: Row = {}): Promise<T> {
    const answer = (await this.system.platform.invoke(thing, service, parameters).catch((thrown: Error) => {
      checkDeclared(service, thrown);
      throw thrown;
    })) as { rows?: Row[] } | undefined;
    const [row] = answer?.rows ?? [];
    if (row && 'result' in row) return row.result as T;
    const operation = OPERATIONS.find(({ name }) => name === service);
    return (operation && isOneRow(resultSchema(operation)) ? oneRow(answer) : answer) as T;
  }

  hub<T = Row>(service: string, parameters: Row = {}): Promise<T> {
    return this.call<T>(HUB_THING, service, parameters);
  }

  read(thing: string): Promise<Row> {
    return this.system.platform.properties(thing);
  }

  /** A device with its Thing, by the service for it. */
  async createDevice(deviceId: string, parameters: Row = {}): Promise<void> {
    await this.hub('CreateDevice', { deviceId, createThing: true, ...parameters });
  }

  /** Connects a device, or one of its modules, with its key. */
  async connect(
    deviceId: string,
    transport: TransportName = 'mqtt',
    options: { readonly modelId?: string } = {},
  ): Promise<Client> {
    const { connectionString } = await this.hub<{ connectionString: string }>('GetDeviceKeys', { deviceId });
    const client = device.Client.fromConnectionString(connectionString, TRANSPORTS[transport]);
    await this.open(client, options);
    return client;
  }

  /** The client of a device that proves itself by a certificate, which it still has to be given. */
  withCertificate(deviceId: string, transport: TransportName): Client {
    const host = /^HostName=([^;]+)/.exec(this.system.cloud.iotHubConnectionString)?.[1];
    const text = `HostName=${host};DeviceId=${deviceId};x509=true`;
    const client = device.Client.fromConnectionString(text, TRANSPORTS[transport]);
    client.setRetryPolicy(new common.NoRetry());
    return client;
  }

  async connectModule(
    deviceId: string,
    moduleId: string,
    transport: TransportName = 'mqtt',
  ): Promise<ModuleClient> {
    const { connectionString } = await this.hub<{ connectionString: string }>('GetDeviceKeys', {
      deviceId,
      moduleId,
    });
    const client = device.ModuleClient.fromConnectionString(connectionString, TRANSPORTS[transport]);
    await this.open(client);
    return client;
  }

  /** A storage Thing, connected to the storage of the local system. */
  async createStorage(thing: string): Promise<void> {
    const { platform, sidecar, cloud } = this.system;
    await platform.createThing(thing, 'AzureIoT.StorageAccount_TT');
    await platform.setProperties(thing, {
      sidecarUrl: sidecar.url,
      sidecarToken: sidecar.token,
      storageConnectionString: cloud.storageConnectionString,
    });
    await this.call(thing, 'ConnectStorage');
  }

  /** A container of a storage Thing, and the Thing of it. */
  async createContainer(thing: string, storageThing: string, containerName: string): Promise<void> {
    await this.call(storageThing, 'CreateContainer', { containerName });
    await this.system.platform.createThing(thing, 'AzureIoT.BlobContainer_TT');
    await this.system.platform.setProperties(thing, { storageThing, containerName });
  }

  /** Microsoft's client for a container of the local storage, to see what really lies there. */
  rawContainer(name: string): ContainerClient {
    return BlobServiceClient.fromConnectionString(
      this.system.cloud.storageConnectionString,
    ).getContainerClient(name);
  }

  /**
   * Remembers the events of a Thing from now on, by a Thing that subscribes to them. `given`: the fields of an event that the extension does
   * not define.
   */
  async listen(thing: string, event: string, given?: readonly string[]): Promise<void> {
    const shape = [...deviceEvents, ...hubDeviceEvents, ...importEvents].find(
      ({ name }) => name === event,
    )?.dataShape;
    const entity = ENTITIES.find(({ kind, name }) => kind === 'DataShape' && name === shape);
    const fields = given ?? (entity?.kind === 'DataShape' ? entity.fields.map(({ name }) => name) : []);
    const code = [
      'var all = JSON.parse(JSON.stringify(me.heard)).all || [];',
      'var one = {};',
      `${JSON.stringify(fields)}.forEach(function (name) {`,
      '  var value = eventData[name];',
      '  if (value !== undefined && value !== null) one[name] = JSON.parse(JSON.stringify(value));',
      '});',
      'me.heard = { all: all.concat([one]) };',
    ].join('\n');
    const subscription = `<Subscription description="" enabled="true" eventName="${event}" name="Hear" source="${thing}" sourceProperty="" sourceType="Thing">${implementation('Hear', code)}</Subscription>`;
    const blocks = shapeBlocks({ properties: property('heard', 'JSON'), subscriptions: subscription });
    await this.importEntities(thingXml(listenerOf(thing, event), 'GenericThing', blocks));
    // Subscriptions run in the name of whoever fired the event.
    await this.call(listenerOf(thing, event), 'AddVisibilityPermission', {
      principal: 'AzureIoT.Connector_OR',
      principalType: 'Organization',
    });
    for (const type of ['PropertyRead', 'PropertyWrite']) {
      await this.call(listenerOf(thing, event), 'AddRunTimePermission', {
        principal: 'AzureIoT.Sidecar_UG',
        principalType: 'Group',
        type,
        resource: '*',
        allow: true,
      });
    }
  }

  /** Imports entities as Composer does. */
  async importEntities(xml: string): Promise<void> {
    const { thingworxUrl, thingworxUser, thingworxPassword } = this.system.cloud;
    const form = new FormData();
    form.append('file', new Blob([entities(xml)]), 'Entities.xml');
    const answer = await fetch(`${thingworxUrl}/Importer?purpose=import`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${thingworxUser}:${thingworxPassword}`).toString('base64')}`,
        'x-xsrf-token': 'x',
        'x-requested-with': 'XMLHttpRequest',
      },
      body: form,
    });
    if (!answer.ok) throw new Error(`The import was refused with ${answer.status}: ${await answer.text()}`);
  }

  /** The events since `listen`, oldest first. */
  async heard(thing: string, event: string): Promise<Row[]> {
    const { heard } = await this.read(listenerOf(thing, event));
    return ((heard as { all?: Row[] } | undefined)?.all ?? []) as Row[];
  }

  /** The messages that a device takes from now on, one by one. */
  inbox(client: Client): () => Promise<Message> {
    const arrived: Message[] = [];
    const waiting: ((message: Message) => void)[] = [];
    // Never taken away: the SDK closes the link of a client without listeners, before the message is settled.
    client.on('message', (message: Message) => {
      client.complete(message).then(() => {
        const next = waiting.shift();
        if (next) next(message);
        else arrived.push(message);
      }, console.error);
    });
    return () =>
      new Promise((resolve) => {
        const message = arrived.shift();
        if (message) resolve(message);
        else waiting.push(resolve);
      });
  }

  /** The connection string of another policy of the emulated hub. */
  async policy(name: string): Promise<string> {
    const { iotHubConnectionString, caFile } = this.system.cloud;
    const file = path.join(path.dirname(caFile), '..', 'policies.json');
    const { hub } = JSON.parse(await readFile(file, 'utf8')) as {
      hub: { name: string; primaryKey: string }[];
    };
    const host = /^HostName=([^;]+)/.exec(iotHubConnectionString)?.[1];
    return `HostName=${host};SharedAccessKeyName=${name};SharedAccessKey=${hub.find((policy) => policy.name === name)?.primaryKey}`;
  }

  /** Disturbs requests that ThingWorx gets. */
  async thingworxFault(rule: Row): Promise<void> {
    const url = `${this.system.cloud.thingworxControlUrl}/faults`;
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(rule) });
    if (!answer.ok) throw new Error(`The fault was refused with ${answer.status}: ${await answer.text()}`);
  }

  async clearThingworxFaults(): Promise<void> {
    const answer = await fetch(`${this.system.cloud.thingworxControlUrl}/faults`, { method: 'DELETE' });
    if (!answer.ok) throw new Error(`The end of the faults was answered ${answer.status}`);
  }

  /** Asks the emulated hub for a fault or an end of it. */
  async control(path: string, body: Row): Promise<void> {
    const answer = await fetch(`${this.system.cloud.iotHubControlUrl}${path}`, {
      method: path === '/faults' ? 'DELETE' : 'POST',
      headers: { 'content-type': 'application/json' },
      ...(path === '/faults' ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
  }

  /** Opens a client and closes it at the end. */
  async open(client: Client | ModuleClient, options: { readonly modelId?: string } = {}): Promise<void> {
    this.#clients.push(client);
    await client.setOptions({ ca: await readFile(this.system.cloud.caFile, 'utf8'), ...options });
    await client.open();
  }
}

/** A service may fail only with codes that its operation declares. */
function checkDeclared(service: string, { message }: Error): void {
  const operation = OPERATIONS.find(({ name }) => name === service);
  const code = / : ([A-Z]+(?:_[A-Z]+)+|INTERNAL): /.exec(message)?.[1] as ErrorCode | undefined;
  if (!operation || !code || !(code in ERRORS)) return;
  assert.ok(
    [...COMMON_ERRORS, ...operation.errors].includes(code),
    `${service} does not declare ${code}: ${message}`,
  );
}

function listenerOf(thing: string, event: string): string {
  return `Listener.${thing}.${event}`;
}
