/**
 * The way of a device's message into the event stream, the same for every protocol: size limit, the identity's facts,
 * the note of activity.
 */
import type { EventStream, MessageProperties, Principal } from './hub.ts';
import { HubError } from './hub-error.ts';
import type { Identities } from './identities.ts';

/** Body and properties together (article on quotas). */
export const MAX_TELEMETRY_BYTES = 256 * 1024;

export interface Sender {
  principal: Principal;
  deviceId: string;
  moduleId: string | undefined;
  modelId: string | undefined;
}

export class Telemetry {
  readonly #stream: EventStream;
  readonly #identities: Identities;

  constructor(stream: EventStream, identities: Identities) {
    this.#stream = stream;
    this.#identities = identities;
  }

  /** Rejects with MessageTooLarge, or DeviceNotFound when the identity is gone. Resolves when the message is stored. */
  async accept(sender: Sender, properties: MessageProperties, body: Uint8Array): Promise<void> {
    const { deviceId, moduleId, principal, modelId } = sender;
    const identity = this.#identities.require(deviceId, moduleId);
    if (body.length + propertyBytes(properties) > MAX_TELEMETRY_BYTES) {
      throw new HubError('MessageTooLarge', `The message exceeds ${MAX_TELEMETRY_BYTES} bytes`);
    }
    this.#identities.touch(deviceId, moduleId);
    await this.#stream.append({
      source: 'Telemetry',
      deviceId,
      ...(moduleId === undefined ? {} : { moduleId }),
      body,
      properties,
      authMethod: principal.authMethod,
      authGenerationId: identity.generationId,
      ...(modelId ? { modelId } : {}),
    });
  }
}

function propertyBytes(properties: MessageProperties): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(properties.application)) bytes += name.length + value.length;
  for (const value of [properties.messageId, properties.correlationId, properties.userId, properties.to]) {
    bytes += value?.length ?? 0;
  }
  return bytes;
}
