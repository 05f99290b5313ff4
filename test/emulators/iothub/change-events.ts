/**
 * The hub's own messages: twin changes, device and module life cycle, connection state, digital twin changes, job
 * outcomes. Names of properties and shapes of bodies are those of the article "IoT Hub non-telemetry event schemas".
 */
import { randomUUID } from 'node:crypto';
import type { EventStream, HubNotification } from './hub.ts';
import type { Identities } from './identities.ts';
import type { Identity } from './identity.ts';
import type { JsonObject } from './twin-document.ts';
import type { TwinChange, Twins } from './twins.ts';

export interface ChangeEventsParts {
  hubName: string;
  identities: Identities;
  twins: Twins;
  stream: EventStream;
}

interface Notice {
  source: HubNotification['source'];
  schema: string;
  operation: string;
  deviceId: string;
  moduleId?: string | undefined;
  body: unknown;
  contentType?: string;
  application?: Record<string, string>;
}

export class ChangeEvents {
  readonly #parts: ChangeEventsParts;
  #connectionSequence = 0n;

  constructor(parts: ChangeEventsParts) {
    this.#parts = parts;
  }

  /** Begins to listen; make it before the first identity of the run is created. */
  start(): void {
    const { identities, twins } = this.#parts;
    identities.on('created', (identity) => this.#lifecycle(identity, 'createDeviceIdentity'));
    identities.on('deleted', (identity) => {
      this.#lifecycle(identity, 'deleteDeviceIdentity');
      twins.forget(identity.deviceId, identity.moduleId);
    });
    identities.on('connectionStateChanged', (identity) => this.#connectionState(identity));
    twins.on('changed', (change) => this.#twinChange(change));
  }

  /** An outcome of a job on one device. */
  jobOutcome(deviceId: string, jobId: string, operation: string, body: JsonObject): void {
    this.#send({
      source: 'deviceJobLifecycleEvents',
      schema: 'jobLifecycleNotification',
      operation,
      deviceId,
      body,
      application: { jobId },
    });
  }

  /** A JSON patch on a digital twin. */
  digitalTwinChange(deviceId: string, moduleId: string | undefined, patch: unknown): void {
    this.#send({
      source: 'digitalTwinChangeEvents',
      schema: 'digitalTwinChangeNotification',
      operation: 'updateDigitalTwin',
      deviceId,
      moduleId,
      body: patch,
      contentType: 'application/json-patch+json',
    });
  }

  #lifecycle(identity: Identity, operation: string): void {
    const twin = this.#parts.twins.peek(identity.deviceId, identity.moduleId);
    this.#send({
      source: 'deviceLifecycleEvents',
      schema: 'deviceLifecycleNotification',
      operation,
      deviceId: identity.deviceId,
      moduleId: identity.moduleId,
      body: twin ? this.#parts.twins.renderForEvent(twin) : {},
    });
  }

  #connectionState(identity: Identity): void {
    this.#connectionSequence += 1n;
    // The documentation calls it a 256-bit hexadecimal number that only grows; its upper part looks like a time.
    const time = (BigInt(Date.now()) + 11_644_473_600_000n) * 10_000n;
    const sequenceNumber = `${time.toString(16).padStart(32, '0')}${this.#connectionSequence.toString(16).padStart(32, '0')}`;
    this.#send({
      source: 'deviceConnectionStateEvents',
      schema: 'deviceConnectionStateNotification',
      operation: identity.connectionState === 'Connected' ? 'deviceConnected' : 'deviceDisconnected',
      deviceId: identity.deviceId,
      moduleId: identity.moduleId,
      body: { sequenceNumber: sequenceNumber.toUpperCase() },
    });
  }

  #twinChange(change: TwinChange): void {
    this.#send({
      source: 'twinChangeEvents',
      schema: 'twinChangeNotification',
      operation: change.operation,
      deviceId: change.deviceId,
      moduleId: change.moduleId,
      body: change.body,
    });
  }

  #send(notice: Notice): void {
    const { hubName, stream } = this.#parts;
    const event: HubNotification = {
      source: notice.source,
      deviceId: notice.deviceId,
      ...(notice.moduleId === undefined ? {} : { moduleId: notice.moduleId }),
      body: Buffer.from(JSON.stringify(notice.body)),
      properties: {
        contentType: notice.contentType ?? 'application/json',
        contentEncoding: 'utf-8',
        correlationId: randomUUID(),
        userId: hubName,
        application: {
          hubName,
          deviceId: notice.deviceId,
          ...(notice.moduleId === undefined ? {} : { moduleId: notice.moduleId }),
          operationTimestamp: new Date().toISOString(),
          'iothub-message-schema': notice.schema,
          opType: notice.operation,
          ...notice.application,
        },
      },
    };
    stream.append(event).catch(() => {
      // The event log says for itself when it cannot store; a registry operation does not fail for that.
    });
  }
}
