/**
 * CPU time of translation per message, beside JSON.parse of the same body. Not a test: run it by hand with
 * `node test/translate/translator.bench.ts` on a quiet machine. The budget is about 2 microseconds for `plain`.
 */
import { compileTranslator } from '../../sidecar/translate/translator.ts';
import type { DecodedMessage, ReceivedMessage, TranslationSettings } from '../../sidecar/translate/types.ts';
import { directory, message, thing } from './support.ts';

const MESSAGES = 2000;
const RUNS = 150_000;
const ROUNDS = 5;

const things = directory(
  ...Array.from({ length: 500 }, (_, i) =>
    thing(`device-${i}`, {
      temperature: 'NUMBER',
      humidity: 'NUMBER',
      pressure: 'NUMBER',
      count: 'INTEGER',
      running: 'BOOLEAN',
      mode: 'STRING',
      speed: 'NUMBER',
      torque: 'NUMBER',
      voltage: 'NUMBER',
      serial: 'STRING',
    }),
  ),
);

function sample(i: number, extra: object = {}): ReceivedMessage {
  const body = {
    temperature: 20 + (i % 100) / 8,
    humidity: 33.77,
    pressure: 1013.25 + (i % 7),
    count: i,
    running: i % 2 === 0,
    mode: 'automatic-mode',
    speed: 1234.567 + i,
    torque: 12.5,
    voltage: 230.1,
    serial: `SN-000-123-${456_000 + i}`,
    ...extra,
  };
  return message(body, {
    deviceId: `device-${i % 500}`,
    contentType: 'application/json',
    contentEncoding: 'utf-8',
  });
}

const PLAIN = Array.from({ length: MESSAGES }, (_, i) => sample(i));
const EXTRA = Array.from({ length: MESSAGES }, (_, i) => sample(i, { messageId: i, unused: null }));

const MAPPING: TranslationSettings = {
  mappings: {
    version: 1,
    rules: [{ properties: { temperature: { path: 'temperature', scale: 2 }, count: 'count', mode: 'mode' } }],
  },
};

function translating(settings: TranslationSettings): (input: ReceivedMessage) => unknown {
  const translator = compileTranslator(settings);
  return (input) => translator.translate(translator.prepare(input) as DecodedMessage, things);
}

const CASES: readonly [string, readonly ReceivedMessage[], (input: ReceivedMessage) => unknown][] = [
  ['JSON.parse alone', PLAIN, ({ body }) => JSON.parse((body as Buffer).toString('utf8'))],
  ['plain', PLAIN, translating({})],
  ['two keys unknown', EXTRA, translating({})],
  ['three mapped values', PLAIN, translating(MAPPING)],
];

console.log(
  `${PLAIN[0]?.body.length} bytes, ${RUNS} messages, median of ${ROUNDS}, nanoseconds of CPU per message`,
);
for (const [name, inputs, run] of CASES) {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = process.cpuUsage();
    for (let i = 0; i < RUNS; i++) run(inputs[i % MESSAGES] as ReceivedMessage);
    const { user, system } = process.cpuUsage(start);
    return ((user + system) * 1000) / RUNS;
  });
  rounds.sort((a, b) => a - b);
  console.log(`${name.padEnd(20)} ${Math.round(rounds[Math.floor(ROUNDS / 2)] ?? 0)}`);
}
