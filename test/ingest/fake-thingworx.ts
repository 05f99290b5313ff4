import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One row that ReceiveUpdates took, as it came. */
export interface ReceivedRow {
  readonly thing: string;
  readonly sequenceNumber: number;
  readonly timeMs: number;
  readonly quality: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface ReceivedCall {
  readonly stream?: string;
  readonly partition?: string;
  readonly writer?: string;
  readonly through?: number;
  readonly rows: readonly ReceivedRow[];
}

export interface Refusal {
  readonly thing: string;
  readonly property?: string;
  readonly sequenceNumber: number;
  readonly time?: number;
  readonly reason: string;
  readonly message: string;
}

/** What a test makes of a call before it is applied: an answer of its own, or nothing. */
export type Trouble = (
  call: ReceivedCall,
) => undefined | Promise<undefined> | { status: number; text?: string; retryAfter?: number } | 'drop';

/**
 * The services of the hub Thing that ingestion needs, spoken over HTTP as the platform speaks them, with answers that a test
 * decides: what the local platform cannot be made to do at a wink.
 */
export class FakeThingworx {
  readonly things = new Map<string, Record<string, string>>();
  /** Calls of ReceiveUpdates that were answered. */
  readonly calls: ReceivedCall[] = [];
  /** The writers that opened a partition, each time that they asked. */
  readonly openings: string[] = [];
  /** The answer to a writer that opens a partition. */
  opened: (writer: string) => object = () => ({ accepted: 0, repeated: 0, refused: [] });
  openTrouble: () => undefined | { status: number; text: string } = () => undefined;
  /** Writers that have been replaced. */
  readonly replaced = new Set<string>();
  /** Values that ThingWorx refuses although their type is right. */
  refuse: (row: ReceivedRow, property: string) => string | undefined = () => undefined;
  /** Refused values after which a call tries no further values. */
  maxRefused = Number.POSITIVE_INFINITY;
  trouble: Trouble = () => undefined;
  describeTrouble: () => undefined | { status: number; text?: string } = () => undefined;
  describes = 0;
  /** Waited for when the answer of DescribeThings is made and not yet given. */
  beforeDescribed: () => Promise<void> = async () => undefined;
  /** Answers of the other services of the hub Thing; an empty body where there is none. */
  other: (service: string, input: unknown) => Promise<{ body: unknown; status?: number } | undefined> =
    async () => undefined;
  readonly #server: Server;
  #port = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/Thingworx`;
  }

  get rows(): ReceivedRow[] {
    return this.calls.flatMap(({ rows }) => rows);
  }

  /** Rows of calls that name their partition: those of lanes, without the rows that probes send again. */
  get laneRows(): ReceivedRow[] {
    return this.calls.flatMap(({ stream, rows }) => (stream === undefined ? [] : rows));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const input = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}');
    const service = request.url?.split('/').at(-1);
    const reply = (body: unknown, status = 200, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (service === 'DescribeThings') {
      this.describes += 1;
      const trouble = this.describeTrouble();
      if (trouble) return reply(trouble.text ?? 'not now', trouble.status);
      const described = this.#describe(input.names.names);
      await this.beforeDescribed();
      return reply(described);
    }
    if (service !== 'ReceiveUpdates') {
      const answer = await this.other(service ?? '', input);
      return answer === undefined ? reply('', 200) : reply(answer.body, answer.status ?? 200);
    }
    if (input.batch.opens === true) {
      const trouble = this.openTrouble();
      if (trouble) return reply(trouble.text, trouble.status);
      const answer = this.opened(input.batch.writer);
      this.openings.push(input.batch.writer);
      return reply(answer);
    }
    const call = callOf(input.batch);
    const trouble = await this.trouble(call);
    if (trouble === 'drop') {
      response.destroy();
      return;
    }
    if (trouble) {
      const headers = trouble.retryAfter === undefined ? {} : { 'retry-after': String(trouble.retryAfter) };
      return reply(trouble.text ?? 'not now', trouble.status, headers);
    }
    if (this.replaced.has(call.writer ?? ''))
      return reply({ accepted: 0, repeated: 0, refused: [], taken: true });
    return reply(this.#receive(call));
  }

  #describe(names: readonly string[]) {
    const found = names.filter((name) => this.things.has(name));
    const things = found.map((name, index) => [name, { template: 'AzureIoT.Device_TT', properties: index }]);
    const propertySets = found.map((name) =>
      Object.fromEntries(
        Object.entries(this.things.get(name) ?? {}).map(([property, baseType]) => [
          property,
          { baseType, dataShape: '' },
        ]),
      ),
    );
    return {
      things: Object.fromEntries(things),
      propertySets,
      missing: names.filter((name) => !this.things.has(name)),
    };
  }

  #receive(call: ReceivedCall) {
    const refused: Refusal[] = [];
    const rows: ReceivedRow[] = [];
    for (const row of call.rows) {
      const properties = this.things.get(row.thing);
      const { thing, sequenceNumber } = row;
      if (!properties) {
        refused.push({ thing, sequenceNumber, reason: 'THING_NOT_FOUND', message: `No Thing ${thing}` });
        continue;
      }
      const values: Record<string, unknown> = {};
      for (const [property, value] of Object.entries(row.values)) {
        if (value === null) continue;
        const why = this.refuse(row, property);
        if (!(property in properties))
          refused.push({ thing, property, sequenceNumber, reason: 'PROPERTY_NOT_FOUND', message: 'gone' });
        else if (refused.length >= this.maxRefused)
          refused.push({
            thing,
            property,
            sequenceNumber,
            time: row.timeMs,
            reason: 'UNDECIDED',
            message: '',
          });
        else if (why !== undefined)
          refused.push({
            thing,
            property,
            sequenceNumber,
            time: row.timeMs,
            reason: 'VALUE_REFUSED',
            message: why,
          });
        else values[property] = value;
      }
      if (Object.keys(values).length > 0) rows.push({ ...row, values });
    }
    this.calls.push({ ...call, rows });
    return { accepted: rows.length, repeated: 0, refused };
  }
}

function callOf(batch: {
  stream?: string;
  partition?: string;
  writer?: string;
  through?: number;
  fromSequenceNumber: number;
  fromTime: number;
  signatures: [properties: string[], baseTypes: string[], quality: string][];
  things: { name: string; rows: [number, number, number, ...unknown[]][] }[];
}): ReceivedCall {
  const { fromSequenceNumber, fromTime, signatures, things, ...origin } = batch;
  const rows = things.flatMap(({ name, rows }) =>
    rows.map(([sequence, signature, time, ...values]): ReceivedRow => {
      const [properties, , quality] = signatures[signature] as (typeof signatures)[number];
      return {
        thing: name,
        sequenceNumber: fromSequenceNumber + sequence,
        timeMs: fromTime + time,
        quality,
        values: Object.fromEntries(properties.map((property, i) => [property, values[i]])),
      };
    }),
  );
  return { ...origin, rows: rows.sort((a, b) => a.sequenceNumber - b.sequenceNumber) };
}
