import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { TEN_PROPERTIES } from './shapes.ts';

/** What the emulated hub says of itself when it starts. */
export type HubFacts = Readonly<Record<string, string>>;

/** Appends telemetry of 100 devices straight to the event stream of an emulated hub. */
export async function preload(controlUrl: string, messages: number): Promise<void> {
  for (let begin = 0; begin < messages; begin += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, messages - begin) }, (_, index) =>
      JSON.stringify({
        deviceId: `device-${index % 100}`,
        body: TEN_PROPERTIES.body(begin + index),
        contentType: 'application/json',
        contentEncoding: 'utf-8',
      }),
    );
    const headers = { 'content-type': 'application/x-ndjson' };
    const answer = await fetch(`${controlUrl}/events`, { method: 'POST', headers, body: lines.join('\n') });
    if (!answer.ok) throw new Error(`The hub took no events: ${await answer.text()}`);
  }
}

/** Runs a script of this folder in a process of its own that trusts the emulated hub; its last line of output is JSON. */
export async function runLoop<Result>(
  script: string,
  args: readonly string[],
  facts: HubFacts,
): Promise<Result> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, script), ...args], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: String(facts['caFile']) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${script} ended with code ${code}.`);
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as Result;
}
