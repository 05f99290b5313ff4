import type { HubNotification } from '../../translate/sources/notifications.ts';
import { writable } from '../../translate/sources/twin-view.ts';

/** What ReceiveEvents does for one notification, in this order: enable, values, twin, table, fire the event, remove. */
export interface NotificationInstruction {
  readonly sequenceNumber: number;
  /** The Thing that is written and whose event is fired; the hub Thing itself when empty. */
  readonly thing: string;
  /** The name of the ThingWorx event, and its fields; `time` is ms since 1970. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Properties to write; times as ms since 1970. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** Twin properties to write, each whole. `anew`: write regardless of the version that the Thing has; otherwise only a newer version is written. */
  readonly twin?: {
    readonly thing: string;
    readonly sections: Readonly<Record<string, unknown>>;
    readonly anew: boolean;
  };
  /** The table of the Thing that gets the fields of the event as a row. */
  readonly table?: string;
  /** The Thing drops the notification when it has seen a later sequence: hexadecimal, of equal length. */
  readonly sequence?: string;
  /** A Thing that was disabled with its device and is enabled again. */
  readonly enable?: string;
  readonly remove?: { readonly thing: string; readonly how: 'delete' | 'disable' };
}

/** Whether the event is fired on the hub Thing and not on the Thing of a device. */
export function isForHub({ type }: HubNotification): boolean {
  return type === 'lifecycle' || type === 'jobLifecycle';
}

const SEQUENCE_DIGITS = 64;

/** `thing`: the Thing of the device. It may be empty only for notifications of the hub Thing. */
export function instructionOf(
  notification: HubNotification,
  sequenceNumber: number,
  thing: string,
): NotificationInstruction {
  const { deviceId, moduleId = '', operationTimeMs: time } = notification;
  switch (notification.type) {
    case 'connectionStateChanged': {
      const state = notification.state === 'connected' ? 'Connected' : 'Disconnected';
      const data = { deviceId, moduleId, state, time };
      const instruction = { sequenceNumber, thing, event: 'DeviceConnectionChanged', data };
      // The Thing shows the device; its modules connect for themselves.
      if (moduleId !== '') return instruction;
      return {
        ...instruction,
        values: { connectionState: state, lastActivityTime: time },
        ...(notification.sequence === undefined
          ? {}
          : { sequence: notification.sequence.toUpperCase().padStart(SEQUENCE_DIGITS, '0') }),
      };
    }
    case 'twinChanged': {
      const { operation, version = 0, desired, reported, tags } = notification;
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
        data: { deviceId, moduleId, patch: notification.patch, time },
      };
    case 'lifecycle': {
      const { operation, twin } = notification;
      const data = { deviceId, moduleId, operation, thing, ...(twin === undefined ? {} : { twin }), time };
      return { sequenceNumber, thing: '', event: 'DeviceLifecycle', data };
    }
    case 'jobLifecycle': {
      const { jobId, status, detail } = notification;
      return {
        sequenceNumber,
        thing: '',
        event: 'JobChanged',
        data: { jobId, status, deviceId, detail, time },
      };
    }
  }
}
