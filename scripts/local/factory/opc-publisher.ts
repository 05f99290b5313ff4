import iotDevice, { type ModuleClient } from 'azure-iot-device';
import iotMqtt from 'azure-iot-device-mqtt';

const SERVER = 'opc.tcp://line-1:4840';

type Row = Record<string, unknown>;

interface Node {
  readonly nodeId: string;
  readonly displayName: string;
  readonly parent: string;
  readonly dataType?: string;
  readonly typeDefinitionId?: string;
  readonly valueRank?: 'Scalar' | 'OneDimension';
  readonly isWritable?: true;
  value?: unknown;
}

interface Writer extends Row {
  OpcNodes: Row[];
}

const HIERARCHICAL = 'i=33';
const HAS_PROPERTY = 'i=46';
const PROPERTY_TYPE = 'i=68';
const UNECE = 'http://www.opcfoundation.org/UA/units/un/cefact';

/** EngineeringUnits and EURange of an AnalogItem, as OPC Publisher encodes these structures. */
function analog(parent: string, unitId: number, symbol: string, low: number, high: number): Node[] {
  const property = (name: string, dataType: string, body: Row): Node => ({
    nodeId: `${parent}.${name}`,
    displayName: name,
    parent,
    dataType,
    typeDefinitionId: PROPERTY_TYPE,
    value: { TypeId: dataType, Encoding: 'Json', Body: body },
  });
  return [
    property('EngineeringUnits', 'i=887', {
      NamespaceUri: UNECE,
      UnitId: unitId,
      ...(symbol === '' ? {} : { DisplayName: { Text: symbol, Locale: 'en' } }),
    }),
    property('EURange', 'i=884', { Low: low, High: high }),
  ];
}

/** The address space of the simulated OPC UA server. */
function addressSpace(): Node[] {
  const speed = 'ns=2;s=Line1.Filler.Speed';
  const torque = 'ns=2;s=Line1.Capper.Torque';
  return [
    { nodeId: 'i=84', displayName: 'Root', parent: '' },
    { nodeId: 'i=85', displayName: 'Objects', parent: 'i=84' },
    { nodeId: 'ns=2;s=Line1', displayName: 'Line 1', parent: 'i=85' },
    { nodeId: 'ns=2;s=Line1.Filler', displayName: 'Filler', parent: 'ns=2;s=Line1' },
    {
      nodeId: speed,
      displayName: 'Speed',
      parent: 'ns=2;s=Line1.Filler',
      dataType: 'Double',
      isWritable: true,
      value: 120,
    },
    // Revolutions per minute, without a text of the server.
    ...analog(speed, 0x52_50_4d, '', 0, 300),
    {
      nodeId: 'ns=2;s=Line1.Filler.Bottles',
      displayName: 'Bottles',
      parent: 'ns=2;s=Line1.Filler',
      dataType: 'Int32',
      value: 0,
    },
    {
      nodeId: torque,
      displayName: 'Torque',
      parent: 'ns=2;s=Line1',
      dataType: 'Double',
      value: 2.4,
    },
    ...analog(torque, 0x4e55, 'Nm', 0, 10),
    {
      nodeId: 'ns=2;s=Line1.Running',
      displayName: 'Running',
      parent: 'ns=2;s=Line1',
      dataType: 'Boolean',
      isWritable: true,
      value: true,
    },
  ];
}

/**
 * The module OPC Publisher 2.9 of an IoT Edge device, with the part of its direct methods that the connector uses (its documentation: the
 * configuration API V1 and the twin API V2) and a small OPC UA server behind it. Published nodes are sent as OPC UA PubSub JSON.
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
      writer.OpcNodes.flatMap((entry) => {
        const node = this.#find(String(entry['id'] ?? entry['Id']));
        // What is not on the server is configured and sends nothing.
        return node ? [{ writer, node, field: String(entry['dataSetFieldId'] ?? node.displayName) }] : [];
      }),
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
            entries.map(({ node, field }) => [field, { Value: node.value, SourceTimestamp: time }]),
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
      Browse_V2: ({ request = {} }: { request?: BrowseRequest }) => this.#browse(request),
      BrowseNext_V2: ({ request = {} }: { request?: BrowseRequest }) =>
        this.#browse(JSON.parse(atob(request.continuationToken ?? '')) as BrowseRequest),
      ValueRead_V2: ({ request }: { request?: { nodeId?: string } }) => {
        const node = this.#find(request?.nodeId ?? '');
        if (!node) return { errorInfo: UNKNOWN_NODE };
        const { value, dataType } = node;
        return { value, dataType, sourceTimestamp: new Date().toISOString() };
      },
      NodeRead_V2: ({ request }: { request?: { attributes?: { nodeId: string; attribute: string }[] } }) => ({
        results: (request?.attributes ?? []).map(({ nodeId, attribute }) => {
          const node = this.#find(nodeId);
          if (!node) return { value: null, errorInfo: UNKNOWN_NODE };
          return { value: attribute === 'Value' ? node.value : nodeModel(node)[lowerFirst(attribute)] };
        }),
      }),
      ValueWrite_V2: ({ request }: { request?: { nodeId?: string; value?: unknown } }) => {
        const node = this.#find(request?.nodeId ?? '');
        if (!node) return { errorInfo: UNKNOWN_NODE };
        if (!node.isWritable)
          return {
            errorInfo: { statusCode: 0x803b_0000, symbolicId: 'BadNotWritable', errorMessage: 'Read only.' },
          };
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

  /** Browse_V2 gives the node itself and the targets of its references, page by page. */
  #browse({ nodeId = 'i=84', referenceTypeId = HIERARCHICAL, from = 0, ...options }: BrowseRequest): Row {
    const node = this.#find(nodeId);
    if (!node) return { node: { nodeId }, references: [], errorInfo: UNKNOWN_NODE };
    const { maxReferencesToReturn: most = Number.POSITIVE_INFINITY, readVariableValues } = options;
    const all = this.#nodes.filter(
      ({ parent, typeDefinitionId }) =>
        parent === nodeId && (referenceTypeId !== HAS_PROPERTY || typeDefinitionId === PROPERTY_TYPE),
    );
    const page = all.slice(from, from + most);
    const rest = { nodeId, referenceTypeId, ...options, from: from + most };
    return {
      node: { ...nodeModel(node), children: all.length > 0 },
      references: page.map((child) => ({
        target: {
          ...nodeModel(child),
          children: this.#nodes.some(({ parent }) => parent === child.nodeId),
          ...(readVariableValues && child.dataType !== undefined ? { value: child.value } : {}),
        },
      })),
      ...(from + most < all.length ? { continuationToken: btoa(JSON.stringify(rest)) } : {}),
    };
  }

  /** Gives the server a folder of counters: more nodes than a page of an answer has. */
  addCounters(count: number): void {
    const folder = 'ns=2;s=Counters';
    this.#nodes.push({ nodeId: folder, displayName: 'Counters', parent: 'i=85' });
    for (let number = 1; number <= count; number++)
      this.#nodes.push({
        nodeId: `${folder}.${number}`,
        displayName: `Counter ${number}`,
        parent: folder,
        dataType: 'UInt32',
        value: number,
      });
  }

  /** The value of a node on the server. */
  valueOf(nodeId: string): unknown {
    return this.#node(nodeId).value;
  }

  /** Changes a value as the machine or another client of the server does. */
  setValue(nodeId: string, value: unknown): void {
    this.#node(nodeId).value = value;
  }

  #find(nodeId: string): Node | undefined {
    return this.#nodes.find((node) => node.nodeId === nodeId);
  }

  #node(nodeId: string): Node {
    const node = this.#find(nodeId);
    if (!node) throw new Error(`The server has no node ${nodeId}.`);
    return node;
  }
}

interface BrowseRequest extends Row {
  readonly nodeId?: string;
  readonly referenceTypeId?: string;
  readonly maxReferencesToReturn?: number;
  readonly readVariableValues?: boolean;
  readonly continuationToken?: string;
  /** In the continuation token. */
  readonly from?: number;
}

const UNKNOWN_NODE = {
  statusCode: 0x8034_0000,
  symbolicId: 'BadNodeIdUnknown',
  errorMessage: 'No such node.',
};

/** A NodeModel. */
function nodeModel({
  nodeId,
  displayName,
  dataType,
  valueRank = 'Scalar',
  isWritable,
  typeDefinitionId,
}: Node): Row {
  const access = isWritable ? 'CurrentRead, CurrentWrite' : 'CurrentRead';
  return {
    nodeId,
    displayName,
    browseName: displayName,
    nodeClass: dataType === undefined ? 'Object' : 'Variable',
    ...(typeDefinitionId === undefined ? {} : { typeDefinitionId }),
    ...(dataType === undefined ? {} : { dataType, valueRank, accessLevel: access, userAccessLevel: access }),
  };
}

export const OPC_SERVER = SERVER;

function isSame(a: Row, b: Row): boolean {
  const of = (row: Row) => [row['EndpointUrl'], row['DataSetWriterGroup'], row['DataSetWriterId']].join(' ');
  return of(a) === of(b);
}

function camelCase(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [lowerFirst(name), value]));
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
