/** What the hub reads from an MQTT CONNECT packet. */
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';

/** `{host}/{client id}/?api-version=...&model-id=...`; the client id of a module holds a slash. */
export function parseUserName(
  text: string,
): { host: string; identity: string; modelId?: string } | undefined {
  const match = /^([^/]+)\/(.+)\/\??(api-version=.*)$/s.exec(text);
  if (!match?.[1] || !match[2]) return undefined;
  const query = new URLSearchParams(match[3] ?? '');
  const modelId = query.get('model-id');
  return { host: match[1].toLowerCase(), identity: match[2], ...(modelId ? { modelId } : {}) };
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
