import type { HubEvent } from '../../translate/sources/events.ts';
import { writable } from '../../translate/sources/twin-view.ts';

/** What ReceiveEvents does for one event, in this order: enabling, values, twin, table, event, removal. */
export interface EventInstruction {
  readonly sequenceNumber: number;
  /** The Thing that is written and whose event is fired; the hub Thing itself when empty. */
  readonly thing: string;
  /** The name of the event, none when empty, and its fields; `time` is ms since 1970. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Properties to write; times as ms since 1970. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Twin properties to write, each whole. Anew: whatever versions the Thing has; otherwise the older version gives way. */
  readonly twin?: {
    readonly thing: string;
    readonly sections: Readonly<Record<string, unknown>>;
    readonly anew: boolean;
    /** Written only in place of this value: whatever was set since then goes its own way. */
    readonly instead?: Readonly<Record<string, unknown>>;
  };
  /** Tables of the Thing that are written whole, with the time of each in a property beside it. */
  readonly tables?: Readonly<Record<string, readonly object[]>>;
  /** The table of the Thing that gets the fields of the event as a row. */
  readonly table?: string;
  /** Drops the event when the Thing has seen a later one: hexadecimal, of equal length. */
  readonly sequence?: string;
  /** A Thing that was disabled with its device, and is to be enabled with it again. */
  readonly enable?: string;
  readonly remove?: { readonly thing: string; readonly how: 'delete' | 'disable' };
}

/** Whether the event concerns the hub Thing and not that of a device. */
export function isForHub(event: HubEvent): boolean {
  return event.type === 'lifecycle' || event.type === 'jobLifecycle';
}

const SEQUENCE_DIGITS = 64;

/** `thing`: the Thing of the device; empty when it has none, which only events for the hub Thing may lack. */
export function instructionOf(event: HubEvent, sequenceNumber: number, thing: string): EventInstruction {
  const { deviceId, moduleId = '', operationTimeMs: time } = event;
  switch (event.type) {
    case 'connectionStateChanged': {
      const state = event.state === 'connected' ? 'Connected' : 'Disconnected';
      const data = { deviceId, moduleId, state, time };
      const instruction = { sequenceNumber, thing, event: 'DeviceConnectionChanged', data };
      // The Thing shows the device; its modules connect for themselves.
      if (moduleId !== '') return instruction;
      return {
        ...instruction,
        values: { connectionState: state, lastActivityTime: time },
        ...(event.sequence === undefined
          ? {}
          : { sequence: event.sequence.toUpperCase().padStart(SEQUENCE_DIGITS, '0') }),
      };
    }
    case 'twinChanged': {
      const { operation, version = 0, desired, reported, tags } = event;
      const data = {
        deviceId,
        moduleId,
        operation,
        version,
        ...(desired === undefined ? {} : { desired: writable(desired) }),
        ...(reported === undefined ? {} : { reported: writable(reported) }),
        ...(tags === undefined ? {} : { tags }),
        time,
      };
      return { sequenceNumber, thing, event: 'TwinChanged', data };
    }
    case 'digitalTwinChanged':
      return {
        sequenceNumber,
        thing,
        event: 'DigitalTwinChanged',
        data: { deviceId, moduleId, patch: event.patch, time },
      };
    case 'lifecycle': {
      const { operation, twin } = event;
      const data = { deviceId, moduleId, operation, thing, ...(twin === undefined ? {} : { twin }), time };
      return { sequenceNumber, thing: '', event: 'DeviceLifecycle', data };
    }
    case 'jobLifecycle': {
      const { jobId, status, detail } = event;
      return {
        sequenceNumber,
        thing: '',
        event: 'JobChanged',
        data: { jobId, status, deviceId, detail, time },
      };
    }
  }
}
