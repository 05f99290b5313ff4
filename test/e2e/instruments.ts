import assert from 'node:assert/strict';
import { HUB_THING, type LocalSystem } from '../../scripts/local/system.ts';
import { eventually } from './observe.ts';

/** An event as the control endpoint of the IoT Hub emulator takes it. */
export interface StoredEvent {
  readonly deviceId: string;
  readonly moduleId?: string;
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly bodyBase64?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly creationTimeUtc?: string;
}

/** Puts events into the hub's stream without a device for each: volume, and bodies that the device SDK would not send. */
export async function store(system: LocalSystem, events: readonly StoredEvent[]): Promise<void> {
  const answer = await fetch(`${system.cloud.iotHubControlUrl}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: events.map((event) => JSON.stringify(event)).join('\n'),
  });
  const { appended } = (await answer.json()) as { appended?: number };
  assert.equal(appended, events.length);
}

/** Numbered messages of many devices, stored in turn. Each device counts from 1 and never gives two readings one time. */
export class Volume {
  readonly deviceIds: readonly string[];
  readonly #system: LocalSystem;
  readonly #startMs = Date.now();
  #count = 0;

  constructor(system: LocalSystem, deviceIds: readonly string[]) {
    this.#system = system;
    this.deviceIds = deviceIds;
  }

  /** How many messages each device has sent. */
  get count(): number {
    return this.#count;
  }

  /** What each device has sent, oldest first. */
  get sent(): number[] {
    return Array.from({ length: this.#count }, (_, index) => index + 1);
  }

  async send(perDevice: number): Promise<void> {
    const events: StoredEvent[] = [];
    for (let sent = 0; sent < perDevice; sent += 1) {
      this.#count += 1;
      const creationTimeUtc = new Date(this.#startMs + this.#count).toISOString();
      const body = { count: this.#count, temperature: this.#count / 10 };
      for (const deviceId of this.deviceIds) events.push({ deviceId, body, creationTimeUtc });
    }
    await store(this.#system, events);
  }
}

/** The control endpoint of the IoT Hub emulator. */
export async function hubControl(
  system: LocalSystem,
  path: string,
  body: Record<string, unknown> = {},
  method = 'POST',
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${system.cloud.iotHubControlUrl}/${path}`, {
    method,
    ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  assert.ok(answer.ok, text);
  return JSON.parse(text) as Record<string, unknown>;
}

export async function addThingworxFault(system: LocalSystem, rule: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${system.cloud.thingworxControlUrl}/faults`, {
    method: 'POST',
    body: JSON.stringify(rule),
  });
  assert.ok(answer.ok, await answer.text());
}

export async function clearThingworxFaults(system: LocalSystem): Promise<void> {
  await fetch(`${system.cloud.thingworxControlUrl}/faults`, { method: 'DELETE' });
}

/** How often each fault rule has applied, in the order in which they were made. */
export async function thingworxFaultsApplied(system: LocalSystem): Promise<number[]> {
  const answer = await fetch(`${system.cloud.thingworxControlUrl}/faults`);
  return ((await answer.json()) as { faults: { applied: number }[] }).faults.map(({ applied }) => applied);
}

const ACCOUNT = /^azure_iot_messages_total\{hub="([^"]+)",account="(\w+)"\} (\d+)$/gm;
const IN_FLIGHT = /^azure_iot_messages_in_flight\{hub="([^"]+)"\} (-?\d+)$/gm;

/** Scrapes a sidecar as fast as it answers and looks whether its accounts add up every time. */
export class Auditor {
  readonly #url: () => string;
  readonly #abort = new AbortController();
  readonly #faults: string[] = [];
  #scrapes = 0;
  #running: Promise<void> | undefined;

  constructor(url: () => string) {
    this.#url = url;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends without a judgement, for the way out. Idempotent. */
  async end(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  /** Ends; throws when the accounts did not add up once, or when there was nothing to look at. */
  async stop(): Promise<void> {
    await this.end();
    assert.deepEqual(
      this.#faults,
      [],
      'received = delivered + ignored + deadLettered + released + in flight',
    );
    assert.ok(this.#scrapes > 0, 'No scrape was answered.');
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      // While the sidecar is down there is nothing to scrape.
      const text = await fetch(`${this.#url()}/metrics`).then(
        (answer) => (answer.ok ? answer.text() : ''),
        () => '',
      );
      this.#check(text);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  #check(text: string): void {
    const hubs = new Map<string, Record<string, number>>();
    const of = (hub = '') => hubs.get(hub) ?? (hubs.set(hub, {}).get(hub) as Record<string, number>);
    for (const [, hub, account = '', value] of text.matchAll(ACCOUNT)) of(hub)[account] = Number(value);
    for (const [, hub, value] of text.matchAll(IN_FLIGHT)) of(hub)['inFlight'] = Number(value);
    for (const [hub, accounts] of hubs) {
      this.#scrapes += 1;
      const {
        received = -1,
        delivered = 0,
        ignored = 0,
        deadLettered = 0,
        released = 0,
        inFlight = -1,
      } = accounts;
      const known = delivered + ignored + deadLettered + released + inFlight;
      if (received !== known || inFlight < 0) this.#faults.push(`${hub} ${JSON.stringify(accounts)}`);
    }
  }
}

/**
 * What a subscriber on the platform sees of Things: a Thing that writes down the events of others, in the order in which the platform
 * fires them. A value fires only when it is newer than the present one, so a reading that comes too late or twice is not in the list.
 */
export class Listener {
  readonly #system: LocalSystem;
  readonly #name: string;

  constructor(system: LocalSystem, name: string) {
    this.#system = system;
    this.#name = name;
  }

  /**
   * Imports the Thing, as Composer's import does. `expression` is what it writes down of an event, in the platform's language; `fold` makes of that and of
   * what is written down (`heard`, at first an empty text) what is written down then: by default all of them, a line each.
   */
  async listen(
    sources: readonly { thing: string; event: string; property?: string; expression: string }[],
    fold = 'heard + value + "\\n"',
  ): Promise<void> {
    const subscriptions = sources.map(
      ({ thing, event, property = '', expression }, index) =>
        `<Subscription enabled="true" eventName="${event}" name="s${index}" source="${thing}" sourceProperty="${property}" sourceType="Thing">
        <ServiceImplementation description="" handlerName="Script" name="s${index}"><ConfigurationTables><ConfigurationTable description=""
        isMultiRow="false" name="Script" ordinal="0"><DataShape><FieldDefinitions><FieldDefinition baseType="STRING" description="code" name="code"
        ordinal="0"/></FieldDefinitions></DataShape><Rows><Row><code><![CDATA[var heard = String(me.heard${index} || "");
        var value = ${expression};
        me.heard${index} = ${fold};]]></code>
        </Row></Rows></ConfigurationTable></ConfigurationTables></ServiceImplementation></Subscription>`,
    );
    const properties = sources.map(
      (_, index) =>
        `<PropertyDefinition aspect.dataChangeType="NEVER" aspect.isPersistent="true" baseType="STRING" description="" name="heard${index}" ordinal="${index}"/>`,
    );
    // Of a template on which the sidecar's user has rights: a subscription runs in the name of whoever caused the event.
    const xml = `<Entities><Things><Thing name="${this.#name}" thingTemplate="AzureIoT.Device_TT" enabled="true"><ThingShape><PropertyDefinitions>
      ${properties.join('')}</PropertyDefinitions><ServiceDefinitions/><EventDefinitions/><ServiceMappings/><ServiceImplementations/><Subscriptions>
      ${subscriptions.join('')}</Subscriptions></ThingShape></Thing></Things></Entities>`;
    const form = new FormData();
    form.append('file', new Blob([xml]), 'listener.xml');
    const { thingworxUrl, thingworxUser, thingworxPassword } = this.#system.cloud;
    const answer = await fetch(`${thingworxUrl}/Importer?purpose=import`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${thingworxUser}:${thingworxPassword}`).toString('base64')}`,
        'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE',
      },
      body: form,
    });
    assert.equal(answer.status, 200, await answer.text());
  }

  /** What was written down for the source of that index. */
  async heard(index = 0): Promise<string[]> {
    const values = await this.#system.platform.properties(this.#name);
    return String(values[`heard${index}`] ?? '')
      .split('\n')
      .filter((line) => line !== '');
  }
}

/** A listener that has the `count` of each device, by the order of `deviceIds`. */
export async function countListener(
  system: LocalSystem,
  name: string,
  deviceIds: readonly string[],
): Promise<Listener> {
  const listener = new Listener(system, name);
  await listener.listen(deviceIds.map((thing) => countChange(thing)));
  return listener;
}

/** Counts how often the `count` of a device is smaller than the one before. Keeps no more than that, so that it can run for long. */
export class OrderListener {
  readonly #listener: Listener;

  constructor(system: LocalSystem, name: string) {
    this.#listener = new Listener(system, name);
  }

  async listen(deviceIds: readonly string[]): Promise<void> {
    await this.#listener.listen(
      deviceIds.map((thing) => countChange(thing)),
      'value + " " + (Number(heard.split(" ")[1] || 0) + (value < Number(heard.split(" ")[0]) ? 1 : 0))',
    );
  }

  /** Of the device of that index. */
  async stepsBack(index: number): Promise<number> {
    const [line = '0 0'] = await this.#listener.heard(index);
    return Number(line.split(' ')[1]);
  }
}

function countChange(thing: string) {
  return { thing, event: 'DataChange', property: 'count', expression: 'eventData.newValue.value' };
}

export interface Letter {
  readonly id: string;
  readonly deviceId: string;
  readonly code: string;
  readonly codes: string;
  readonly reason: string;
  readonly thing: string;
  readonly property: string;
}

/** All dead letters, over the service of the hub Thing. */
export async function deadLetters(
  system: LocalSystem,
  filter: Record<string, unknown> = {},
): Promise<Letter[]> {
  const answer = (await system.platform.invoke(HUB_THING, 'ListDeadLetters', { limit: 500, ...filter })) as {
    rows?: Letter[];
  };
  return answer.rows ?? [];
}

/** Where two long lists differ, in few words; empty when they do not. */
export function difference(actual: readonly unknown[], expected: readonly unknown[]): string {
  const at = expected.findIndex((value, index) => String(value) !== String(actual[index]));
  if (at < 0 && actual.length === expected.length) return '';
  const place = at < 0 ? expected.length : at;
  const around = (list: readonly unknown[]) => list.slice(Math.max(0, place - 3), place + 5).join(' ');
  return `${actual.length} of ${expected.length}; at ${place}: ${around(actual)} instead of ${around(expected)}`;
}

/** Waits until a subscriber has seen every reading of each device once and in order. */
export async function everythingInOrder(listener: Listener, volume: Volume): Promise<void> {
  for (const [index, deviceId] of volume.deviceIds.entries())
    await eventually(async () =>
      assert.equal(difference(await listener.heard(index), volume.sent), '', deviceId),
    );
}

/** Load while something goes wrong; resolves when all of it has arrived, once and in order. */
export async function loadDuring(
  listener: Listener,
  volume: Volume,
  trouble: () => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const load = (async () => {
    while (!over.signal.aborted) {
      await volume.send(5);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  await trouble().finally(() => over.abort());
  await load;
  await everythingInOrder(listener, volume);
}
