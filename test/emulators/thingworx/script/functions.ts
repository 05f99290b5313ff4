import { randomUUID } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { convert } from '../base-types.ts';
import { InfoTable } from '../infotable.ts';
import { distanceBetween } from '../infotable-query.ts';
import { parseIsoTime } from '../iso-time.ts';
import { decryptWithKey, encryptWithKey, type PasswordCipher } from '../password-cipher.ts';
import { Location, Password, PlatformError, type PlatformValue } from '../values.ts';
import type { Bridge } from './bridge.ts';
import { dayOfYear, formatDate, parseDateText } from './date-format.ts';
import { formatDecimal } from './number-format.ts';

/**
 * The global functions of the platform. Dates are read and written in the zone of the process, as by the JVM there. Left
 * out, and so unknown to scripts: createCircularGeoFence and the diagnostic traces.
 */
export function scriptFunctions(bridge: Bridge, cipher: PasswordCipher): Record<string, unknown> {
  const functions: Record<string, (...args: unknown[]) => unknown> = {
    ...dateFunctions(bridge),
    ...textFunctions(bridge, cipher),
    generateGUID: () => randomUUID(),
    pause: (ms) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, Number(ms) || 0));
    },
    getHostIPAddress: (name) => hostAddress(String(name ?? 'localhost')),
    formatNumber: (value, format) => formatDecimal(Number(value), String(format ?? '#,##0.###')),
    distanceBetween: (from, to, units) =>
      distanceBetween(readLocation(bridge, from), readLocation(bridge, to), String(units ?? 'M')),
    containsLocation: (location, geoFence, locationField) => {
      const table = convert(bridge.fromScript(geoFence), 'INFOTABLE');
      const corners = table instanceof InfoTable ? table.rows.map((row) => row[String(locationField)]) : [];
      return isInside(
        readLocation(bridge, location),
        corners.filter((corner) => corner instanceof Location),
      );
    },
  };
  return Object.fromEntries(
    Object.entries(functions).map(([name, run]) => [
      name,
      bridge.hostFunction(name, (...args: unknown[]) => run(...args)),
    ]),
  );
}

function readLocation(bridge: Bridge, value: unknown): Location {
  const location = convert(bridge.fromScript(value), 'LOCATION');
  if (!(location instanceof Location)) {
    throw new PlatformError('A location is missing', { javaClass: 'java.lang.NullPointerException' });
  }
  return location;
}

/** Whether a point lies in a polygon: a ray from it crosses the border an odd number of times. */
function isInside({ latitude, longitude }: Location, corners: Location[]): boolean {
  let inside = false;
  for (const [index, a] of corners.entries()) {
    const b = corners.at(index - 1) as Location;
    const crosses = a.latitude > latitude !== b.latitude > latitude;
    const at =
      ((b.longitude - a.longitude) * (latitude - a.latitude)) / (b.latitude - a.latitude) + a.longitude;
    if (crosses && longitude < at) {
      inside = !inside;
    }
  }
  return inside;
}

type Functions = Record<string, (...args: unknown[]) => unknown>;

function dateFunctions(bridge: Bridge): Functions {
  const read = (value: unknown): Date => {
    const date = convert(bridge.fromScript(value), 'DATETIME');
    if (!(date instanceof Date)) {
      throw new PlatformError('A date is missing', { javaClass: 'java.lang.NullPointerException' });
    }
    return date;
  };
  const give = (date: PlatformValue) => bridge.toScript(date);
  const adding =
    (change: (date: Date, amount: number) => void) =>
    (value: unknown, amount: unknown): unknown => {
      const date = read(value);
      change(date, Math.trunc(Number(amount)));
      return give(date);
    };
  const addMs = (unitMs: number) => adding((date, amount) => date.setTime(date.getTime() + amount * unitMs));
  return {
    dateFormat: (value, format) => formatDate(read(value), String(format)),
    dateFormatISO: (value) => formatDate(read(value), "yyyy-MM-dd'T'HH:mm:ss.SSSZZ"),
    parseDate: (text, format) => give(parseDateText(String(text), String(format))),
    parseDateISO: (text) => {
      const date = parseIsoTime(String(text));
      if (date === undefined) {
        throw new PlatformError(`Invalid format: "${String(text)}"`, {
          javaClass: 'java.lang.IllegalArgumentException',
        });
      }
      return give(date);
    },
    dateAddYears: adding((date, amount) => addMonths(date, 12 * amount)),
    dateAddMonths: adding(addMonths),
    dateAddDays: adding((date, amount) => date.setDate(date.getDate() + amount)),
    dateAddHours: addMs(3_600_000),
    dateAddMinutes: addMs(60_000),
    dateAddSeconds: addMs(1000),
    dateAddMilliseconds: addMs(1),
    dateDifference: (first, second) => read(first).getTime() - read(second).getTime(),
    dateMin: (first, second) => give(new Date(Math.min(read(first).getTime(), read(second).getTime()))),
    dateMax: (first, second) => give(new Date(Math.max(read(first).getTime(), read(second).getTime()))),
    dateDayOfWeek: (value) => read(value).getDay() || 7,
    // Joda counts from 1; the platform's description says "0-365".
    dateDayOfYear: (value) => dayOfYear(read(value)),
    dateOffset: (value) => -read(value).getTimezoneOffset() * 60_000,
  };
}

/** The day stays inside the new month: a month after 31 January is the last of February. */
function addMonths(date: Date, months: number): void {
  const day = date.getDate();
  date.setMonth(date.getMonth() + months, 1);
  const lastDay = new Date(date.getFullYear(), date.getMonth() + 1, 0).getDate();
  date.setDate(Math.min(day, lastDay));
}

function textFunctions(bridge: Bridge, cipher: PasswordCipher): Functions {
  const clear = (value: unknown): string => {
    const secret = bridge.toPlatform(value, 'PASSWORD');
    return secret instanceof Password ? secret.clear : '';
  };
  return {
    base64EncodeString: (text) => Buffer.from(String(text ?? '')).toString('base64'),
    base64DecodeString: (text) => Buffer.from(String(text ?? ''), 'base64').toString('utf8'),
    base64EncodeBytes: (bytes) => {
      const given = bridge.fromScript(bytes);
      const list = Array.isArray(given)
        ? given
        : ((given as { array?: unknown[] } | undefined)?.array ?? given);
      return Buffer.from(list as number[]).toString('base64');
    },
    base64DecodeBytes: (text) => bridge.array(new Int8Array(Buffer.from(String(text ?? ''), 'base64'))),
    encryptString: (text) => cipher.encrypt(clear(text)),
    encryptPropertyValue: (text) => cipher.encrypt(clear(text)),
    encryptStringWithKey: (key, text) => encryptWithKey(String(key), String(text ?? '')),
    decryptStringWithkey: (key, text) => decryptWithKey(String(key), String(text ?? '')),
  };
}

/** Only names of this machine: scripts that resolve others are not helped by an emulator. */
function hostAddress(name: string): string {
  if (name === 'localhost') {
    return '127.0.0.1';
  }
  if (name === hostname()) {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
  }
  throw new PlatformError(`${name}: Name or service not known`, {
    javaClass: 'java.net.UnknownHostException',
  });
}
