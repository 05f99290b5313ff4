/**
 * What the parts of the emulator know of one another. The wire parts (AMQP, MQTT, REST) speak protocols and keep no
 * device state of their own; the state parts know no protocol.
 */

/** The properties of one message as IoT Hub keeps them, independent of the protocol that carried it. */
export interface MessageProperties {
  messageId?: string;
  correlationId?: string;
  userId?: string;
  to?: string;
  contentType?: string;
  contentEncoding?: string;
  /** Absolute expiry, ms since 1970. */
  expiryTimeMs?: number;
  /** iothub-creation-time-utc as the device gave it. */
  creationTimeUtc?: string;
  outputName?: string;
  interfaceId?: string;
  componentName?: string;
  application: Record<string, string>;
}

/** One entry for the event stream (the Event Hubs-compatible endpoint), before it has a partition and an offset. */
export interface HubEvent {
  source:
    | 'Telemetry'
    | 'twinChangeEvents'
    | 'deviceLifecycleEvents'
    | 'deviceConnectionStateEvents'
    | 'deviceJobLifecycleEvents'
    | 'digitalTwinChangeEvents';
  deviceId: string;
  moduleId?: string;
  body: Uint8Array;
  properties: MessageProperties;
  /** JSON text of iothub-connection-auth-method; absent for messages that the hub itself makes. */
  authMethod?: string;
  authGenerationId?: string;
  enqueuedTimeMs?: number;
}

export interface EventStream {
  /** Appends to the partition of the device id. Resolves when the event is stored. */
  append(event: HubEvent): Promise<void>;
}

export interface MethodRequest {
  methodName: string;
  payload: unknown;
  responseTimeoutInSeconds: number;
  connectTimeoutInSeconds: number;
}
export interface MethodResponse {
  status: number;
  payload: unknown;
}

/** Live connections of devices and modules, whatever their protocol. */
export interface DeviceSessions {
  isConnected(deviceId: string, moduleId?: string): boolean;
  /** Rejects with a HubError (hub-error.ts) 404103 when offline, 504101 when the device does not answer in time. */
  invokeMethod(deviceId: string, moduleId: string | undefined, request: MethodRequest): Promise<MethodResponse>;
  /** Tells a connected device that desired properties changed. */
  notifyDesired(deviceId: string, moduleId: string | undefined, patch: unknown, version: number): void;
  /** Cuts the connection, as on delete or disable. */
  disconnect(deviceId: string, moduleId?: string): void;
}

export interface CommandMessage {
  body: Uint8Array;
  properties: MessageProperties;
  ack: 'none' | 'positive' | 'negative' | 'full';
}

/** The queue of cloud-to-device messages of each device: lock, expiry, delivery count, feedback. */
export interface CommandQueues {
  /** Rejects with a HubError when the queue is full or the device unknown. */
  enqueue(deviceId: string, message: CommandMessage): Promise<void>;
  count(deviceId: string): number;
  /** Returns the number of messages removed. */
  purge(deviceId: string): number;
  /** For HTTP devices: locks the next message, or undefined when there is none. */
  receive(deviceId: string): { lockToken: string; message: CommandMessage; deliveryCount: number } | undefined;
  settle(deviceId: string, lockToken: string, outcome: 'complete' | 'abandon' | 'reject'): boolean;
}

export interface FileNotification {
  deviceId: string;
  blobUri: string;
  blobName: string;
  lastUpdatedTime: string;
  blobSizeInBytes: number;
  enqueuedTimeUtc: string;
}

export interface ServiceNotifications {
  fileUploaded(notification: FileNotification): void;
}
