/** What a message source beside telemetry says, typed. `operationTimeMs` is Azure's own time of the operation. */
export interface EventOrigin {
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly hubName?: string;
  /** Azure's time of the operation, epoch milliseconds; the enqueued time when the event does not say. */
  readonly operationTimeMs: number;
}

/** A JSON object of a twin, with `$version` and `$metadata` as Azure sends them. */
export type TwinSection = Readonly<Record<string, unknown>>;

/** `twinChangeEvents`: a device or module twin was patched (`update`) or replaced. */
export interface TwinChangedEvent extends EventOrigin {
  readonly type: 'twinChanged';
  readonly operation: 'update' | 'replace';
  /** Version of the whole twin, when the event has it. */
  readonly version?: number;
  readonly tags?: TwinSection;
  readonly desired?: TwinSection;
  readonly reported?: TwinSection;
}

/** `deviceConnectionStateEvents`. `sequenceNumber` (hexadecimal text) orders the events of one device. */
export interface ConnectionStateChangedEvent extends EventOrigin {
  readonly type: 'connectionStateChanged';
  readonly state: 'connected' | 'disconnected';
  readonly sequence?: string;
}

/** `deviceLifecycleEvents`: a device or module identity was created or deleted. */
export interface LifecycleEvent extends EventOrigin {
  readonly type: 'lifecycle';
  readonly operation: 'created' | 'deleted';
  readonly twin?: Readonly<Record<string, unknown>>;
}

/** `deviceJobLifecycleEvents`. */
export interface JobLifecycleEvent extends EventOrigin {
  readonly type: 'jobLifecycle';
  readonly jobId: string;
  readonly status: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** `digitalTwinChangeEvents`: a JSON Patch (RFC 6902) of a digital twin. */
export interface DigitalTwinChangedEvent extends EventOrigin {
  readonly type: 'digitalTwinChanged';
  readonly patch: readonly Readonly<Record<string, unknown>>[];
}

export type HubEvent =
  | TwinChangedEvent
  | ConnectionStateChangedEvent
  | LifecycleEvent
  | JobLifecycleEvent
  | DigitalTwinChangedEvent;
