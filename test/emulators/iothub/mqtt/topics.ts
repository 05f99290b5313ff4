/**
 * The topics of IoT Hub's MQTT interface and the property bags in them. Names are those of the article "Communicate
 * with your IoT hub using the MQTT protocol".
 */
import type { MessageProperties } from '../hub.ts';

export type Incoming =
  | { kind: 'event'; deviceId: string; moduleId: string | undefined; bag: string }
  | { kind: 'twinGet'; requestId: string }
  | { kind: 'twinPatch'; requestId: string }
  | { kind: 'methodResponse'; status: number; requestId: string };

/** What a device may subscribe to. */
export type Subscription = 'commands' | 'methods' | 'twinResponses' | 'desired' | 'inputs';

const eventTopic = /^devices\/([^/]+)(?:\/modules\/([^/]+))?\/messages\/events(?:\/(.*))?$/s;
const responseTopic = /^\$iothub\/methods\/res\/(\d+)\/\?\$rid=([^&]*)/;
const twinGetTopic = /^\$iothub\/twin\/GET\/\?(.*)$/;
const twinPatchTopic = /^\$iothub\/twin\/PATCH\/properties\/reported\/\?(.*)$/;

export function parseTopic(topic: string): Incoming | undefined {
  const event = eventTopic.exec(topic);
  if (event?.[1]) {
    const moduleId = event[2] === undefined ? undefined : decode(event[2]);
    return { kind: 'event', deviceId: decode(event[1]), moduleId, bag: event[3] ?? '' };
  }
  const get = twinGetTopic.exec(topic);
  if (get) return { kind: 'twinGet', requestId: requestIdOf(get[1]) };
  const patch = twinPatchTopic.exec(topic);
  if (patch) return { kind: 'twinPatch', requestId: requestIdOf(patch[1]) };
  const response = responseTopic.exec(topic);
  if (response?.[1]) {
    return { kind: 'methodResponse', status: Number(response[1]), requestId: response[2] ?? '' };
  }
  return undefined;
}

/** Undefined for a topic filter that the hub does not offer to this identity. */
export function parseFilter(
  filter: string,
  deviceId: string,
  moduleId: string | undefined,
): Subscription | undefined {
  if (filter.startsWith('$iothub/methods/POST/')) return 'methods';
  if (filter.startsWith('$iothub/twin/res/')) return 'twinResponses';
  if (filter.startsWith('$iothub/twin/PATCH/properties/desired/')) return 'desired';
  const match = /^devices\/([^/]+)(?:\/modules\/([^/]+))?\/(.*)$/.exec(filter);
  if (!match?.[1] || decode(match[1]) !== deviceId) return undefined;
  const module = match[2] === undefined ? undefined : decode(match[2]);
  if (module !== moduleId) return undefined;
  const rest = match[3] ?? '';
  if (moduleId === undefined) return rest.startsWith('messages/devicebound/') ? 'commands' : undefined;
  return rest === '#' || rest.startsWith('inputs/') ? 'inputs' : undefined;
}

export function parseBag(bag: string): MessageProperties {
  const properties: MessageProperties = { application: {} };
  // A trailing slash is allowed, and module clients send one. In names and values slashes are encoded.
  for (const part of bag.replace(/^\?/, '').replace(/\/$/, '').split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? '' : decode(part.slice(equals + 1));
    put(properties, name, value);
  }
  return properties;
}

function put(properties: MessageProperties, name: string, value: string): void {
  switch (name) {
    case '$.mid':
      properties.messageId = value;
      break;
    case '$.cid':
      properties.correlationId = value;
      break;
    case '$.uid':
      properties.userId = value;
      break;
    case '$.to':
      properties.to = value;
      break;
    case '$.ct':
      properties.contentType = value;
      break;
    case '$.ce':
      properties.contentEncoding = value;
      break;
    case '$.exp': {
      const time = Date.parse(value);
      if (!Number.isNaN(time)) properties.expiryTimeMs = time;
      break;
    }
    case '$.ctime':
    case 'iothub-creation-time-utc':
      properties.creationTimeUtc = value;
      break;
    case '$.ifid':
      properties.interfaceId = value;
      break;
    case '$.sub':
      properties.componentName = value;
      break;
    case '$.on':
      properties.outputName = value;
      break;
    default:
      properties.application[name] = value;
  }
}

/** The bag of a cloud-to-device message. */
export function formatBag(properties: MessageProperties, extra: Record<string, string> = {}): string {
  const system: [string, string | undefined][] = [
    ['$.mid', properties.messageId],
    ['$.cid', properties.correlationId],
    ['$.uid', properties.userId],
    ['$.to', properties.to],
    ['$.ct', properties.contentType],
    ['$.ce', properties.contentEncoding],
    [
      '$.exp',
      properties.expiryTimeMs === undefined ? undefined : new Date(properties.expiryTimeMs).toISOString(),
    ],
  ];
  return [...system, ...Object.entries(extra), ...Object.entries(properties.application)]
    .filter((pair) => pair[1] !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value as string)}`)
    .join('&');
}

function requestIdOf(query: string | undefined): string {
  return new URLSearchParams(query ?? '').get('$rid') ?? '';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
