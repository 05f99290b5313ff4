/** What every notification has: a message source beside telemetry, typed. */
export interface NotificationOrigin {
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly hubName?: string;
  /** Azure's time of the operation, epoch milliseconds; the enqueued time when the notification does not say. */
  readonly operationTimeMs: number;
}

/** A JSON object of a twin, with `$version` and `$metadata` as Azure sends them. */
export type TwinSection = Readonly<Record<string, unknown>>;

/** `twinChangeEvents`: a device or module twin was patched (`update`) or replaced. */
export interface TwinChangeNotification extends NotificationOrigin {
  readonly type: 'twinChanged';
  readonly operation: 'update' | 'replace';
  /** Version of the whole twin, when the notification has it. */
  readonly version?: number;
  readonly tags?: TwinSection;
  readonly desired?: TwinSection;
  readonly reported?: TwinSection;
}

/** `deviceConnectionStateEvents`. `sequenceNumber` (hexadecimal text) orders the notifications of one device. */
export interface ConnectionStateNotification extends NotificationOrigin {
  readonly type: 'connectionStateChanged';
  readonly state: 'connected' | 'disconnected';
  readonly sequence?: string;
}

/** `deviceLifecycleEvents`: a device or module identity was created or deleted. */
export interface LifecycleNotification extends NotificationOrigin {
  readonly type: 'lifecycle';
  readonly operation: 'created' | 'deleted';
  readonly twin?: Readonly<Record<string, unknown>>;
}

/** `deviceJobLifecycleEvents`. */
export interface JobNotification extends NotificationOrigin {
  readonly type: 'jobLifecycle';
  readonly jobId: string;
  readonly status: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** `digitalTwinChangeEvents`: a JSON Patch (RFC 6902) of a digital twin. */
export interface DigitalTwinNotification extends NotificationOrigin {
  readonly type: 'digitalTwinChanged';
  readonly patch: readonly Readonly<Record<string, unknown>>[];
}

export type HubNotification =
  | TwinChangeNotification
  | ConnectionStateNotification
  | LifecycleNotification
  | JobNotification
  | DigitalTwinNotification;
