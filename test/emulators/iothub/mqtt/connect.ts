/** What the hub reads from an MQTT CONNECT packet. */
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';

export interface UserName {
  host: string;
  apiVersion?: string;
  modelId?: string;
}

/**
 * `{host}/{client id}/?api-version=...&model-id=...`; the client id of a module holds a slash. The order of the query is
 * free, the question mark and, as clients in the field show, the whole query may be absent. Undefined when the name does
 * not name the client.
 */
export function parseUserName(text: string, clientId: string): UserName | undefined {
  const slash = text.indexOf('/');
  if (slash < 1 || !text.startsWith(clientId, slash + 1)) return undefined;
  const rest = text.slice(slash + 1 + clientId.length);
  // What follows the client id begins a new segment: "dev-10" is not "dev-1" with something behind it.
  if (rest !== '' && !rest.startsWith('/')) return undefined;
  const query = new URLSearchParams(rest.replace(/^\/\??/, ''));
  const apiVersion = query.get('api-version');
  const modelId = query.get('model-id');
  return {
    host: text.slice(0, slash).toLowerCase(),
    ...(apiVersion ? { apiVersion } : {}),
    ...(modelId ? { modelId } : {}),
  };
}

export function splitClientId(clientId: string): [string, string | undefined] {
  const slash = clientId.indexOf('/');
  return slash < 0 ? [clientId, undefined] : [clientId.slice(0, slash), clientId.slice(slash + 1)];
}

export function willOf(packet: IConnectPacket): IPublishPacket | undefined {
  const { will } = packet;
  if (!will) return undefined;
  return {
    cmd: 'publish',
    topic: will.topic,
    payload: Buffer.from(will.payload),
    qos: 0,
    dup: false,
    retain: false,
  };
}
