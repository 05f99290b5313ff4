/** Routes of devices that speak HTTP: telemetry, single and in batches, and cloud-to-device messages by polling. */
import type { MessageProperties } from '../hub.ts';
import { HubError } from '../hub-error.ts';
import { limits } from '../quotas.ts';
import { isObject, type JsonObject } from '../twin-document.ts';
import type { RestContext } from './context.ts';
import type { RestAnswer, RestRequest } from './exchange.ts';
import type { Route } from './router.ts';

const batchType = 'application/vnd.microsoft.iothub.json';
const appPrefix = 'iothub-app-';
const commands = '/devices/{id}/messages/devicebound';

export const messageRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/devices/{id}/messages/events', access: 'device', handle: send },
  {
    method: 'POST',
    pattern: '/devices/{id}/modules/{module}/messages/events',
    access: 'device',
    handle: send,
  },
  { method: 'GET', pattern: commands, access: 'device', kind: 'commandReceive', handle: receive },
  { method: 'DELETE', pattern: `${commands}/{lock}`, access: 'device', handle: settle },
  { method: 'POST', pattern: `${commands}/{lock}/abandon`, access: 'device', handle: abandon },
];

/** The header that carries a system property, in lower case, and where it goes. */
const systemHeaders: Record<string, (properties: MessageProperties, value: string) => void> = {
  'iothub-messageid': (properties, value) => {
    properties.messageId = value;
  },
  'iothub-correlationid': (properties, value) => {
    properties.correlationId = value;
  },
  'iothub-userid': (properties, value) => {
    properties.userId = value;
  },
  'iothub-to': (properties, value) => {
    properties.to = value;
  },
  'iothub-expiry': (properties, value) => {
    const time = Number.isNaN(Number(value)) ? Date.parse(value) : Number(value);
    if (Number.isFinite(time)) properties.expiryTimeMs = time;
  },
  'iothub-contenttype': (properties, value) => {
    properties.contentType = value;
  },
  'iothub-contentencoding': (properties, value) => {
    properties.contentEncoding = value;
  },
  'iothub-interface-id': (properties, value) => {
    properties.interfaceId = value;
  },
  'iothub-creation-time-utc': (properties, value) => {
    properties.creationTimeUtc = value;
  },
  'dt-subject': (properties, value) => {
    properties.componentName = value;
  },
};

/** Reads headers, or the properties of a message in a batch, which are named the same way. */
function readProperties(pairs: Iterable<readonly [string, string]>): MessageProperties {
  const properties: MessageProperties = { application: {} };
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    if (lower.startsWith(appPrefix)) {
      const plain = name.slice(appPrefix.length);
      // The article on message formats: in a batch the creation time comes as an application property.
      if (plain.toLowerCase() === 'iothub-creation-time-utc') properties.creationTimeUtc = value;
      else properties.application[plain] = value;
    } else systemHeaders[lower]?.(properties, value);
  }
  return properties;
}

async function send(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const deviceId = request.param('id');
  const moduleId = request.params.module;
  const sender = { principal: request.principal, deviceId, moduleId, modelId: undefined };
  const isBatch = request.header('content-type')?.toLowerCase().startsWith(batchType) === true;
  if (!isBatch) {
    const properties = readProperties(request.headerPairs());
    // The SDK always sends its own address as the destination, which says nothing.
    if (properties.to?.toLowerCase().endsWith('/messages/events')) delete properties.to;
    await context.telemetry.accept(sender, properties, await request.bytes(limits.messageBytes));
    return { status: 204 };
  }
  // Base64 makes the text of a full batch a third longer than the messages in it.
  const text = (await request.bytes(2 * limits.messageBytes)).toString('utf8');
  const messages = readBatch(text);
  const bytes = messages.reduce((sum, { body }) => sum + body.length, 0);
  if (bytes > limits.messageBytes) throw new HubError('MessageTooLarge', `The batch has ${bytes} bytes`);
  for (const { properties, body } of messages) await context.telemetry.accept(sender, properties, body);
  return { status: 204 };
}

/** `[{"body":"<base64>","base64Encoded":true,"properties":{"iothub-app-name":"value"}}]` */
function readBatch(text: string): { properties: MessageProperties; body: Buffer }[] {
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch (error) {
    throw new HubError('IotHubFormatError', `The batch is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(entries)) throw new HubError('IotHubFormatError', 'The batch must be a JSON array');
  return entries.map((entry: unknown) => {
    if (!isObject(entry) || typeof entry.body !== 'string') {
      throw new HubError('IotHubFormatError', 'A message of the batch has no body');
    }
    const pairs = Object.entries(isObject(entry.properties) ? (entry.properties as JsonObject) : {});
    return {
      properties: readProperties(pairs.map(([name, value]) => [name, String(value)] as const)),
      body: Buffer.from(entry.body, entry.base64Encoded === false ? 'utf8' : 'base64'),
    };
  });
}

/** 204 when the queue is empty. The lock token is the ETag. */
function receive(request: RestRequest, context: RestContext): RestAnswer {
  const deviceId = request.param('id');
  context.identities.touch(deviceId);
  const received = context.queues.receive(deviceId);
  if (!received) return { status: 204 };
  const { message, lockToken, deliveryCount } = received;
  const { properties } = message;
  const headers: Record<string, string> = {
    ETag: `"${lockToken}"`,
    'iothub-deliverycount': `${deliveryCount}`,
    'iothub-ack': message.ack,
    'iothub-to': properties.to ?? `/devices/${encodeURIComponent(deviceId)}/messages/devicebound`,
    'content-type': properties.contentType ?? 'application/octet-stream',
  };
  if (properties.messageId !== undefined) headers['iothub-messageid'] = properties.messageId;
  if (properties.correlationId !== undefined) headers['iothub-correlationid'] = properties.correlationId;
  if (properties.userId !== undefined) headers['iothub-userid'] = properties.userId;
  if (properties.contentType !== undefined) headers['iothub-contenttype'] = properties.contentType;
  if (properties.contentEncoding !== undefined)
    headers['iothub-contentencoding'] = properties.contentEncoding;
  if (properties.expiryTimeMs !== undefined) {
    headers['iothub-expiry'] = new Date(properties.expiryTimeMs).toISOString();
  }
  for (const [name, value] of Object.entries(properties.application)) headers[`${appPrefix}${name}`] = value;
  return { status: 200, headers, body: message.body };
}

/** `?reject` on the address refuses the message for good. */
function settle(request: RestRequest, context: RestContext): RestAnswer {
  return finish(request, context, request.query.has('reject') ? 'reject' : 'complete');
}

function abandon(request: RestRequest, context: RestContext): RestAnswer {
  return finish(request, context, 'abandon');
}

function finish(
  request: RestRequest,
  context: RestContext,
  outcome: 'complete' | 'abandon' | 'reject',
): RestAnswer {
  const deviceId = request.param('id');
  context.identities.touch(deviceId);
  if (!context.queues.settle(deviceId, request.param('lock'), outcome)) {
    throw new HubError('DeviceMessageLockLost', `The lock ${request.param('lock')} is lost`);
  }
  return { status: 204 };
}
