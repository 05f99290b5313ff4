import iotDevice, { type ModuleClient } from 'azure-iot-device';
import iotMqtt from 'azure-iot-device-mqtt';

const SERVER = 'opc.tcp://line-1:4840';

type Row = Record<string, unknown>;

interface Node {
  readonly nodeId: string;
  readonly displayName: string;
  readonly parent: string;
  readonly dataType?: string;
  value?: unknown;
}

interface Writer extends Row {
  OpcNodes: Row[];
}

/** The address space of the simulated OPC UA server. */
function addressSpace(): Node[] {
  return [
    { nodeId: 'ns=2;s=Line1', displayName: 'Line 1', parent: 'i=85' },
    { nodeId: 'ns=2;s=Line1.Filler', displayName: 'Filler', parent: 'ns=2;s=Line1' },
    {
      nodeId: 'ns=2;s=Line1.Filler.Speed',
      displayName: 'Speed',
      parent: 'ns=2;s=Line1.Filler',
      dataType: 'Double',
      value: 120,
    },
    {
      nodeId: 'ns=2;s=Line1.Filler.Bottles',
      displayName: 'Bottles',
      parent: 'ns=2;s=Line1.Filler',
      dataType: 'Int32',
      value: 0,
    },
    {
      nodeId: 'ns=2;s=Line1.Capper.Torque',
      displayName: 'Torque',
      parent: 'ns=2;s=Line1',
      dataType: 'Double',
      value: 2.4,
    },
    {
      nodeId: 'ns=2;s=Line1.Running',
      displayName: 'Running',
      parent: 'ns=2;s=Line1',
      dataType: 'Boolean',
      value: true,
    },
  ];
}

/**
 * The module OPC Publisher 2.9 of an IoT Edge device, with the part of its direct methods that the connector uses (its documentation: the
 * configuration API V1 and the twin API V2) and an OPC UA server of six nodes behind it. Published nodes are sent as OPC UA PubSub JSON.
 */
export class OpcPublisher {
  readonly deviceId: string;
  readonly moduleId: string;
  sent = 0;
  readonly #nodes = addressSpace();
  #writers: Writer[] = [];
  #client: ModuleClient | undefined;
  #sequence = 0;

  constructor(deviceId: string, moduleId: string) {
    this.deviceId = deviceId;
    this.moduleId = moduleId;
  }

  async open(connectionString: string, ca: string): Promise<void> {
    const client = iotDevice.ModuleClient.fromConnectionString(connectionString, iotMqtt.Mqtt as never);
    this.#client = client;
    await client.setOptions({ ca });
    await client.open();
    for (const [method, work] of Object.entries(this.#methods())) {
      client.onMethod(method, (request, response) => {
        try {
          void response?.send(200, work(request?.payload as never) ?? {});
        } catch (error) {
          void response?.send(404, { title: 'ResourceNotFound', detail: (error as Error).message });
        }
      });
    }
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }

  /** Moves the simulated values and sends those of published nodes. */
  async tick(): Promise<void> {
    const speed = this.#node('ns=2;s=Line1.Filler.Speed');
    const bottles = this.#node('ns=2;s=Line1.Filler.Bottles');
    if (this.#node('ns=2;s=Line1.Running').value === true)
      bottles.value = Number(bottles.value) + Math.round(Number(speed.value) / 60);
    this.#node('ns=2;s=Line1.Capper.Torque').value = Number((2.4 + Math.random() * 0.2).toFixed(2));
    const published = this.#writers.flatMap((writer) =>
      writer.OpcNodes.map((node) => ({ writer, node: this.#node(String(node['id'] ?? node['Id'])) })),
    );
    if (published.length === 0) return;
    this.#sequence += 1;
    const time = new Date().toISOString();
    const body = [...Map.groupBy(published, ({ writer }) => writer)].map(([writer, entries]) => ({
      MessageId: String(this.#sequence),
      MessageType: 'ua-data',
      PublisherId: this.moduleId,
      Messages: [
        {
          DataSetWriterName: writer['DataSetWriterId'] ?? writer['dataSetWriterId'] ?? 'writer',
          SequenceNumber: this.#sequence,
          Timestamp: time,
          MessageType: 'ua-keyframe',
          Payload: Object.fromEntries(
            entries.map(({ node }) => [node.displayName, { Value: node.value, SourceTimestamp: time }]),
          ),
        },
      ],
    }));
    const message = new iotDevice.Message(JSON.stringify(body));
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    await this.#client?.sendEvent(message);
    this.sent += 1;
  }

  #methods(): Record<string, (payload: never) => unknown> {
    return {
      AddOrUpdateEndpoints_V1: (writers: Writer[]) => {
        for (const writer of writers) {
          this.#writers = this.#writers.filter((other) => !isSame(other, writer));
          if ((writer.OpcNodes ?? []).length > 0)
            this.#writers.push({ ...writer, OpcNodes: writer.OpcNodes.map(camelCase) });
        }
      },
      UnpublishAllNodes_V1: () => {
        this.#writers = [];
      },
      GetConfiguredEndpoints_V1: () => ({
        endpoints: this.#writers.map(({ OpcNodes: _, ...writer }) => camelCase(writer)),
      }),
      GetConfiguredNodesOnEndpoint_V1: (asked: Row) => {
        const writer = this.#writers.find((other) => isSame(other, asked));
        if (!writer) throw new Error(`${String(asked['EndpointUrl'])} is not configured.`);
        return { opcNodes: writer.OpcNodes };
      },
      GetDiagnosticInfo_V1: () =>
        this.#writers.map((writer) => ({
          endpoints: [
            { endpointUrl: writer['EndpointUrl'], dataSetWriterGroup: writer['DataSetWriterGroup'] },
          ],
          opcEndpointConnected: true,
          monitoredOpcNodesSucceededCount: writer.OpcNodes.length,
          monitoredOpcNodesFailedCount: 0,
          ingressValueChanges: this.#sequence * writer.OpcNodes.length,
          sentMessagesPerSec: 1,
        })),
      Browse_V2: (asked: { request?: { nodeId?: string } }) => ({
        node: { nodeId: asked.request?.nodeId ?? 'i=85' },
        references: this.#nodes
          .filter(({ parent }) => parent === (asked.request?.nodeId ?? 'i=85'))
          .map(({ nodeId, displayName, dataType }) => ({
            target: {
              nodeId,
              displayName,
              nodeClass: dataType === undefined ? 'Object' : 'Variable',
              children: this.#nodes.some(({ parent }) => parent === nodeId),
              ...(dataType === undefined ? {} : { dataType }),
            },
          })),
      }),
      ValueRead_V2: ({ request }: { request?: { nodeId?: string } }) => {
        const { value, dataType } = this.#node(request?.nodeId ?? '');
        return { value, dataType, sourceTimestamp: new Date().toISOString() };
      },
      ValueWrite_V2: ({ request }: { request?: { nodeId?: string; value?: unknown } }) => {
        const node = this.#node(request?.nodeId ?? '');
        if (typeof request?.value !== typeof node.value)
          return {
            errorInfo: {
              statusCode: 2_155_085_824,
              symbolicId: 'BadTypeMismatch',
              errorMessage: 'Bad type.',
            },
          };
        node.value = request?.value;
        return {};
      },
    };
  }

  #node(nodeId: string): Node {
    const node = this.#nodes.find((candidate) => candidate.nodeId === nodeId);
    if (!node) throw new Error(`The server has no node ${nodeId}.`);
    return node;
  }
}

export const OPC_SERVER = SERVER;

function isSame(a: Row, b: Row): boolean {
  const of = (row: Row) => [row['EndpointUrl'], row['DataSetWriterGroup'], row['DataSetWriterId']].join(' ');
  return of(a) === of(b);
}

function camelCase(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name.charAt(0).toLowerCase() + name.slice(1), value]),
  );
}
