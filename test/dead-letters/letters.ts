import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DeadLetter, deadLetterId } from '../../sidecar/dead-letters/store.ts';
import { createLog, type Log } from '../../sidecar/observe/log.ts';
import type { ReceivedMessage } from '../../sidecar/translate/types.ts';

export const BEGIN_MS = Date.parse('2026-03-01T10:00:00Z');

export function message(number: number, changes: Partial<ReceivedMessage> = {}): ReceivedMessage {
  return {
    body: Buffer.from(JSON.stringify({ temperature: number })),
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    systemProperties: { 'iothub-connection-device-id': 'dev-1' },
    applicationProperties: { level: 'normal' },
    deviceId: 'dev-1',
    source: 'Telemetry',
    enqueuedTimeMs: BEGIN_MS + number * 1_000,
    sequenceNumber: number,
    offset: String(number * 100),
    partitionId: '0',
    ...changes,
  };
}

export function letter(
  number: number,
  changes: Partial<ReceivedMessage> = {},
  codes = ['THING_UNKNOWN'],
): DeadLetter {
  const whole = message(number, changes);
  return {
    id: deadLetterId('cafe0123', whole),
    storedAtMs: Date.now(),
    message: whole,
    reasons: codes.map((code) => ({ code, reason: `${code} in plain words.`, thing: whole.deviceId })),
  };
}

export async function scratchDirectory(): Promise<{ directory: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'ingest-'));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** A log whose lines can be read. */
export function listeningLog(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('debug', { write: (line) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

/** Waits until the condition holds; a generous bound keeps a broken test from hanging. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error('The condition did not come true.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
