import Type from 'typebox';
import { JsonObject, OneOf, ThingName } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { newId } from '../../lib/records.ts';
import { messageOptions } from '../commands/messages.ts';
import { deviceId, hub } from '../device-members.ts';
import { defineOperation } from '../operation.ts';

/** What subscriptions ask for: ThingWorx serves all subscriptions with few threads, and none of them may wait for Azure. */

const thing = ThingName({ description: 'The Thing of the device, which is told by ReceiveEvents.' });
const taken = Type.Object({
  taken: Type.Boolean({ description: 'Always true: the sidecar has it, and goes on by itself.' }),
});
const errors = ['HUB_NOT_CONNECTED', 'DEFERRED_QUEUE_FULL', 'STATE_UNAVAILABLE'] as const;

const deferTwinChange = defineOperation({
  name: 'DeferTwinChange',
  category: 'Twin',
  role: 'operator',
  summary:
    'Accepts a change of a twin property of a Thing and sends it to the IoT Hub; the Thing then gets the value of the IoT Hub, and TwinUpdateRefused if it refuses the change.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/deferred/twin-changes',
  input: Type.Object({
    hub,
    deviceId,
    thing,
    section: OneOf(['desired', 'tags'], { description: 'The part of the twin: desired or tags.' }),
    before: JsonObject({ description: 'The value of the property before.' }),
    after: JsonObject({ description: 'The value of the property now.' }),
  }),
  output: taken,
  errors,
  async run({ hubs }, { hub, ...request }) {
    await hubs.require(hub).deferred.take({ kind: 'twinChange', ...request });
    return { taken: true };
  },
});

const deferMessage = defineOperation({
  name: 'DeferMessage',
  category: 'Commands',
  role: 'operator',
  summary:
    'Accepts values for a cloud-to-device message and sends it; the Thing gets MessageFeedback with the outcome NotSent if the IoT Hub does not accept it.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/deferred/messages',
  input: Type.Object({
    hub,
    deviceId,
    thing,
    values: JsonObject({ description: 'The values, by name.' }),
    ...messageOptions,
  }),
  output: Type.Object({
    messageId: Type.String({ description: 'The id of the message, which MessageFeedback names.' }),
  }),
  errors,
  async run({ hubs }, { hub, properties, correlationId, ack, expirySeconds, ...request }) {
    if (Object.keys(request.values).length === 0)
      throw new ConnectorError('REQUEST_INVALID', 'There is no value to send.');
    const messageId = request.messageId ?? newId(Date.now());
    await hubs.require(hub).deferred.take({
      kind: 'message',
      ...request,
      messageId,
      ...(properties === undefined ? {} : { properties: properties as Record<string, string> }),
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(ack === undefined ? {} : { ack }),
      ...(expirySeconds === undefined ? {} : { expiresAtMs: Date.now() + expirySeconds * 1_000 }),
    });
    return { messageId };
  },
});

const deferModulesStatus = defineOperation({
  name: 'DeferModulesStatus',
  category: 'IoT Edge',
  role: 'operator',
  summary: 'Tells the sidecar to read what edgeAgent reported and to write it to modulesStatus of the Thing.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/deferred/modules-status',
  input: Type.Object({ hub, deviceId, thing }),
  output: taken,
  errors,
  async run({ hubs }, { hub, ...request }) {
    await hubs.require(hub).deferred.take({ kind: 'modules', ...request });
    return { taken: true };
  },
});

const deferTwin = defineOperation({
  name: 'DeferTwin',
  category: 'Twin',
  role: 'operator',
  summary:
    'Tells the sidecar to read the twin of a device and to write it to its Thing, with connectionState, lastActivityTime and modelId.',
  method: 'POST',
  path: '/hubs/{hub}/devices/{deviceId}/deferred/twin',
  input: Type.Object({
    hub,
    deviceId,
    thing,
    anew: Type.Boolean({
      description: 'Whether what the Thing has is of another device. Otherwise it stays where it is newer.',
    }),
  }),
  output: taken,
  errors,
  async run({ hubs }, { hub, ...request }) {
    await hubs.require(hub).deferred.take({ kind: 'twin', ...request });
    return { taken: true };
  },
});

export const DEFERRED = [deferTwinChange, deferMessage, deferModulesStatus, deferTwin];
