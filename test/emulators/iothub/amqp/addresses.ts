/** What the address of a link names. */
export type Address =
  | { node: 'cbs' }
  | { node: 'management' }
  /** IoT Hub's own name for the event stream; answered with a redirect. The rest follows /messages/events. */
  | { node: 'hubEvents'; rest: string }
  | { node: 'partition'; consumerGroup: string; partition: string }
  /** Where producers send; undefined: the hub chooses the partition. */
  | { node: 'eventHub'; partition: string | undefined }
  | { node: 'deviceBound' }
  | { node: 'feedback' }
  | { node: 'fileNotifications' }
  /** The ids as the client writes them: some encode them, some do not. */
  | { node: DeviceNode; deviceId: string; moduleId: string | undefined }
  | { node: 'unknown' };

export type DeviceNode = 'deviceEvents' | 'deviceCommands' | 'deviceTwin' | 'deviceMethods';

const deviceAddress = /^devices\/([^/]+)(?:\/modules\/([^/]+))?\/(.+)$/;
const partitionAddress = /^([^/]+)\/consumergroups\/([^/]+)\/partitions\/([^/]+)$/i;
const producerAddress = /^([^/]+)(?:\/partitions\/([^/]+))?$/i;

const deviceNodes: Record<string, DeviceNode> = {
  'messages/events': 'deviceEvents',
  'messages/devicebound': 'deviceCommands',
  twin: 'deviceTwin',
  'methods/devicebound': 'deviceMethods',
};

const serviceNodes: Record<string, Address> = {
  $cbs: { node: 'cbs' },
  $management: { node: 'management' },
  'messages/devicebound': { node: 'deviceBound' },
  'messages/servicebound/feedback': { node: 'feedback' },
  'messages/servicebound/filenotifications': { node: 'fileNotifications' },
};

/** @param eventHubName the name of the Event Hubs entity behind the hub */
export function parseAddress(text: string | undefined, eventHubName: string): Address {
  const path = (text ?? '').replace(/^amqps?:\/\/[^/]+/i, '').replace(/^\/+|\/+$/g, '');
  const lower = path.toLowerCase();
  const service = serviceNodes[lower];
  if (service) return service;
  if (lower === `${eventHubName.toLowerCase()}/$management`) return { node: 'management' };
  if (lower === 'messages/events' || lower.startsWith('messages/events/')) {
    return { node: 'hubEvents', rest: path.slice('messages/events'.length) };
  }
  const device = deviceAddress.exec(path);
  const node = device?.[3] === undefined ? undefined : deviceNodes[device[3].toLowerCase()];
  if (device?.[1] && node) {
    return { node, deviceId: device[1], moduleId: device[2] };
  }
  const isHub = (name: string | undefined) => name?.toLowerCase() === eventHubName.toLowerCase();
  const partition = partitionAddress.exec(path);
  if (partition && isHub(partition[1])) {
    return { node: 'partition', consumerGroup: partition[2] as string, partition: partition[3] as string };
  }
  const producer = producerAddress.exec(path);
  if (producer && isHub(producer[1])) return { node: 'eventHub', partition: producer[2] };
  return { node: 'unknown' };
}
