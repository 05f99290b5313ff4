/** A kind of message, and the properties of the Things that get its values. */
export interface Shape {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly valuesPerMessage: number;
  readonly rowsPerMessage: number;
  readonly body: (count: number) => string;
}

/** Ten properties, about 250 bytes, as the budgets of the design have it. */
export const TEN_PROPERTIES: Shape = {
  name: '10 properties',
  properties: {
    temperature: 'NUMBER',
    humidity: 'NUMBER',
    pressure: 'NUMBER',
    vibration: 'NUMBER',
    speed: 'INTEGER',
    count: 'LONG',
    running: 'BOOLEAN',
    alarm: 'BOOLEAN',
    state: 'STRING',
    product: 'STRING',
  },
  valuesPerMessage: 10,
  rowsPerMessage: 1,
  body: (count) =>
    JSON.stringify({
      temperature: 20 + (count % 100) / 10,
      humidity: 50 + (count % 7),
      pressure: 1013.25 + (count % 13) / 100,
      vibration: (count % 31) / 1000,
      speed: 1200 + (count % 50),
      count: 1_000_000 + count,
      running: count % 10 !== 0,
      alarm: count % 97 === 0,
      state: count % 2 ? 'PRODUCING-STEADILY' : 'CHANGING-THE-TOOL-NOW',
      product: `part-number-${String(count % 1000).padStart(12, '0')}`,
    }),
};

const ONE_PROPERTY: Shape = {
  name: '1 property',
  properties: { temperature: 'NUMBER' },
  valuesPerMessage: 1,
  rowsPerMessage: 1,
  body: (count) => JSON.stringify({ temperature: numberOf(count, 0) }),
};

const TAGS = Array.from({ length: 100 }, (_, index) => `tag-${String(index).padStart(3, '0')}`);
const TAG_PROPERTIES = Object.fromEntries(TAGS.map((tag) => [tag, 'NUMBER']));

const HUNDRED_PROPERTIES: Shape = {
  name: '100 properties',
  properties: TAG_PROPERTIES,
  valuesPerMessage: 100,
  rowsPerMessage: 1,
  body: (count) =>
    JSON.stringify(Object.fromEntries(TAGS.map((tag, index) => [tag, numberOf(count, index)]))),
};

/** 2026-01-01, when the first message was made; a message a second. */
const BEGIN_MS = Date.UTC(2026, 0, 1);

/** OPC Publisher: a network message with 100 values, each with a time of its own. */
const OPC_BATCH: Shape = {
  name: 'OPC 100',
  properties: TAG_PROPERTIES,
  valuesPerMessage: 100,
  rowsPerMessage: 100,
  body: (count) =>
    JSON.stringify({
      MessageId: String(count),
      MessageType: 'ua-data',
      PublisherId: 'line-4711',
      Messages: [
        {
          DataSetWriterId: 'boiler',
          Timestamp: new Date(BEGIN_MS + count * 1_000).toISOString(),
          Payload: Object.fromEntries(
            TAGS.map((tag, index) => [
              tag,
              {
                Value: numberOf(count, index),
                SourceTimestamp: new Date(BEGIN_MS + count * 1_000 + index * 7).toISOString(),
              },
            ]),
          ),
        },
      ],
    }),
};

export const SHAPES: readonly Shape[] = [ONE_PROPERTY, TEN_PROPERTIES, HUNDRED_PROPERTIES, OPC_BATCH];

/** With two decimals, as sensors send it. */
function numberOf(count: number, index: number): number {
  return Math.round(((count * 31 + index * 17) % 10_000) * 1.37) / 100;
}
