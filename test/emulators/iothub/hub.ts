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
export interface HubNotification {
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
  /** Model id that the device announced when it connected (IoT Plug and Play); becomes dt-dataschema. */
  modelId?: string;
  enqueuedTimeMs?: number;
}

export interface EventStream {
  /** Appends to the partition of the device id. Resolves when the event is stored. */
  append(event: HubNotification): Promise<void>;
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
  invokeMethod(
    deviceId: string,
    moduleId: string | undefined,
    request: MethodRequest,
  ): Promise<MethodResponse>;
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
  receive(
    deviceId: string,
  ): { lockToken: string; message: CommandMessage; deliveryCount: number } | undefined;
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

/** Rights of IoT Hub's shared access policies. */
export type HubRight = 'RegistryRead' | 'RegistryWrite' | 'ServiceConnect' | 'DeviceConnect';

/** Who a checked token or client certificate speaks for. */
export interface Principal {
  /** Name of the shared access policy; absent when a device key or a certificate was used. */
  policy?: string;
  rights: ReadonlySet<HubRight>;
  /** Set when the principal is one device or module. */
  deviceId?: string;
  moduleId?: string;
  /** JSON text of iothub-connection-auth-method. */
  authMethod: string;
  /** End of the token's life, ms since 1970; Infinity for certificates. */
  expiresAtMs: number;
}

/** A client certificate as the TLS layer saw it. */
export interface ClientCertificate {
  commonName: string;
  /** Upper-case hex without colons. */
  thumbprintSha1: string;
  thumbprintSha256: string;
  /** The chain ends in one of the certificate authorities that the hub trusts for devices. */
  chainTrusted: boolean;
}

/** Checks SAS tokens and client certificates. All methods throw HubError 401xxx (status 401) when refused. */
export interface Authorizer {
  /**
   * A service request (REST: pass the Authorization header) that needs one of the given rights.
   * @param path of the request; a token for a part of the hub is good for paths below it, and for nothing without
   */
  service(token: string | undefined, anyOf: readonly HubRight[], path?: string): Principal;
  /**
   * A device or module that speaks for itself, by its own key, by a policy with DeviceConnect, or by certificate.
   * Refuses unknown and disabled devices too (the hub answers 401 to both).
   */
  device(
    token: string | undefined,
    certificate: ClientCertificate | undefined,
    deviceId: string,
    moduleId?: string,
  ): Principal;
}

/** What the REST side does with one request because somebody asked for it at the control endpoint. */
export interface RestFault {
  /** Wait before anything else. */
  delayMs?: number;
  /** Answer this status with the hub's error body instead of doing the work. */
  status?: number;
  /** Six-digit hub error code for the body, for example 429001. */
  errorCode?: number;
  message?: string;
  retryAfterSeconds?: number;
  /** Cut the connection: before anything is done, or after half of the real answer was written. */
  cut?: 'before' | 'half';
}

export interface RestFaults {
  /** The fault that applies to this request, if any; a fault with a count is used up by this call. */
  take(method: string, path: string): RestFault | undefined;
  /** The hub's clock as clients see it, ms since 1970. */
  nowMs(): number;
}

/** What a device or module may do with its twin. */
export interface DeviceTwins {
  /** Desired and reported properties, each with $version and without $metadata, as devices see them. */
  getDeviceView(deviceId: string, moduleId?: string): { desired: object; reported: object };
  /** Returns the new version of the reported properties. Throws HubError for a malformed patch. */
  patchReported(deviceId: string, moduleId: string | undefined, patch: unknown): number;
}
