import { readFile } from 'node:fs/promises';
import iotCommon from 'azure-iot-common';
import type { Platform } from '../platform.ts';
import { registerDevices } from '../registry.ts';
import { HUB_THING, type LocalSystem } from '../system.ts';
import type { Machine } from './machine.ts';
import { Camera, Oven, PRESS_MAPPING, Press, Pump } from './machines.ts';
import { OPC_SERVER, OpcPublisher } from './opc-publisher.ts';
import { Robot } from './robot.ts';

const VALUE_STREAM = 'Factory.Values';
const EDGE_DEVICE = 'edge-06';
const PUBLISHER_MODULE = 'opcpublisher';
/** A device of the registry without a Thing, to try imports with. */
const UNKNOWN_DEVICES = ['spare-07', 'spare-08'];
const EDGE_PROPERTIES = { 'opcpublisher::Speed': 'NUMBER', 'opcpublisher::Bottles': 'INTEGER' };

/** One line of the terminal's table. */
export interface PlantLine {
  readonly thing: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * A factory in miniature for `npm start`: five machines that differ, an Edge device with OPC Publisher, and two devices that have no Thing
 * yet. Everything that an administrator would do for them is done by the services of the product.
 */
export class Plant {
  readonly #system: LocalSystem;
  readonly #machines: readonly Machine[];
  readonly #publisher = new OpcPublisher(EDGE_DEVICE, PUBLISHER_MODULE);
  readonly #closing: { close(): Promise<void> }[] = [];

  constructor(system: LocalSystem) {
    this.#system = system;
    const upload = (deviceId: string, name: string, content: Buffer) => this.#upload(deviceId, name, content);
    this.#machines = [
      new Pump('pump-01'),
      new Oven('oven-02'),
      new Press('press-03'),
      new Camera('camera-04', upload),
      new Robot('robot-05'),
    ];
  }

  /** Messages that the hub has taken. */
  get sent(): number {
    return this.#machines.reduce((sum, { sent }) => sum + sent, this.#publisher.sent);
  }

  /** Creates devices and Things, connects the machines and publishes two nodes of the OPC UA server. */
  async start(): Promise<void> {
    const { platform, cloud } = this.#system;
    await platform.setProperties(HUB_THING, { mappings: PRESS_MAPPING });
    for (const { deviceId, properties } of this.#machines) await this.#createThing(deviceId, properties);
    await registerDevices(cloud.iotHubConnectionString, UNKNOWN_DEVICES);
    await this.#createEdgeDevice(platform);
    const ca = await readFile(cloud.caFile, 'utf8');
    for (const machine of this.#machines) {
      await machine.open(await this.#connectionString(machine.deviceId), ca);
      this.#closing.push(machine);
    }
    const edge = await this.#connectionString(EDGE_DEVICE, PUBLISHER_MODULE);
    await this.#publisher.open(edge, ca);
    this.#closing.push(this.#publisher);
    await platform.invoke(EDGE_DEVICE, 'PublishNodes', {
      endpointUrl: OPC_SERVER,
      writerGroup: 'line-1',
      nodes: nodeTable(['ns=2;s=Line1.Filler.Speed', 'ns=2;s=Line1.Filler.Bottles']),
    });
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#closing.splice(0).map((part) => part.close()));
  }

  /** Lets every machine send what it has to say. */
  async tick(): Promise<void> {
    await Promise.all([...this.#machines.map((machine) => machine.tick()), this.#publisher.tick()]);
  }

  /** What the Things hold at this moment. */
  async look(): Promise<PlantLine[]> {
    const { platform } = this.#system;
    const wanted: [string, readonly string[]][] = [
      ...this.#machines.map(({ deviceId, shown }): [string, readonly string[]] => [deviceId, shown]),
      [EDGE_DEVICE, Object.keys(EDGE_PROPERTIES)],
    ];
    return await Promise.all(
      wanted.map(async ([thing, names]) => {
        const values = await platform.properties(thing);
        return { thing, values: Object.fromEntries(names.map((name) => [name, values[name]])) };
      }),
    );
  }

  async #createThing(
    deviceId: string,
    properties: Readonly<Record<string, string>>,
    parameters: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const { platform } = this.#system;
    await platform.invoke(HUB_THING, 'CreateDevice', { deviceId, createThing: true, ...parameters });
    for (const [name, baseType] of Object.entries(properties))
      await platform.addProperty(deviceId, name, baseType, { logged: true });
    await platform.invoke(deviceId, 'SetValueStream', { name: VALUE_STREAM });
    await platform.invoke(deviceId, 'RestartThing');
  }

  async #createEdgeDevice(platform: Platform): Promise<void> {
    await this.#createThing(EDGE_DEVICE, EDGE_PROPERTIES, {
      iotEdge: true,
      thingTemplate: 'AzureIoT.EdgeDevice_TT',
    });
    await platform.invokeOn('Resources', 'EntityServices', 'AddShapeToThing', {
      name: EDGE_DEVICE,
      thingShapeName: 'AzureIoT.OpcPublisher_TS',
    });
    await platform.invoke(EDGE_DEVICE, 'RestartThing');
    await platform.setProperties(EDGE_DEVICE, { publisherModuleId: PUBLISHER_MODULE });
    await platform.invoke(HUB_THING, 'CreateModule', { deviceId: EDGE_DEVICE, moduleId: PUBLISHER_MODULE });
  }

  /** From the emulator's registry, as the operator of a device would copy it from the portal. */
  async #connectionString(deviceId: string, moduleId?: string): Promise<string> {
    const host = this.#host;
    const path = moduleId === undefined ? '' : `/modules/${moduleId}`;
    const { authentication } = (await this.#hubRequest('GET', `/devices/${deviceId}${path}`)) as {
      authentication: { symmetricKey: { primaryKey: string } };
    };
    const module = moduleId === undefined ? '' : `;ModuleId=${moduleId}`;
    return `HostName=${host};DeviceId=${deviceId}${module};SharedAccessKey=${authentication.symmetricKey.primaryKey}`;
  }

  get #host(): string {
    return iotCommon.ConnectionString.parse(this.#system.cloud.iotHubConnectionString).HostName ?? '';
  }

  async #hubRequest(method: string, path: string): Promise<unknown> {
    const hub = iotCommon.ConnectionString.parse(this.#system.cloud.iotHubConnectionString);
    const signature = iotCommon.SharedAccessSignature.create(
      hub.HostName ?? '',
      hub.SharedAccessKeyName ?? '',
      hub.SharedAccessKey ?? '',
      Math.floor(Date.now() / 1000) + 3600,
    ).toString();
    const answer = await fetch(`https://${hub.HostName}${path}?api-version=2021-04-12`, {
      method,
      headers: { authorization: signature },
    });
    if (!answer.ok)
      throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`);
    return await answer.json();
  }

  /** The three calls of a file upload as a device makes them; its SDK knows no other port than 443. */
  async #upload(deviceId: string, name: string, content: Buffer): Promise<void> {
    const connection = iotCommon.ConnectionString.parse(await this.#connectionString(deviceId));
    const resource = `${this.#host}%2Fdevices%2F${deviceId}`;
    const expiry = Math.floor(Date.now() / 1000) + 3600;
    const authorization = iotCommon.SharedAccessSignature.create(
      resource,
      '',
      connection.SharedAccessKey ?? '',
      expiry,
    )
      .toString()
      .replace(/&skn=(?=&|$)/, '');
    const post = async (path: string, body: unknown) => {
      const answer = await fetch(`https://${this.#host}/devices/${deviceId}${path}?api-version=2021-04-12`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`The upload of ${name} was answered ${answer.status}.`);
      return answer;
    };
    const target = (await (await post('/files', { blobName: name })).json()) as Record<string, string>;
    const path = (target['blobName'] ?? '').split('/').map(encodeURIComponent).join('/');
    const url = `https://${target['hostName']}/${target['containerName']}/${path}${target['sasToken']}`;
    const put = await fetch(url, {
      method: 'PUT',
      headers: { 'x-ms-blob-type': 'BlockBlob', 'content-type': 'image/png' },
      body: new Uint8Array(content),
    });
    const { correlationId } = target;
    await post('/files/notifications', { correlationId, isSuccess: put.ok, statusCode: put.status });
  }
}

/** Nodes as the infotable that PublishNodes takes. */
function nodeTable(ids: readonly string[]): unknown {
  const fields = {
    id: 'STRING',
    displayName: 'STRING',
    samplingIntervalMs: 'INTEGER',
    heartbeatSeconds: 'NUMBER',
  };
  const fieldDefinitions = Object.fromEntries(
    Object.entries(fields).map(([name, baseType], ordinal) => [
      name,
      { name, baseType, description: '', ordinal, aspects: {} },
    ]),
  );
  return { dataShape: { fieldDefinitions }, rows: ids.map((id) => ({ id })) };
}
