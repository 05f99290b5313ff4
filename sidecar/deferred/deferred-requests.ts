import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import type { NotificationInstruction } from '../ingest/notifications/instruction.ts';
import { untilDone } from '../lib/backoff.ts';
import { systemCode } from '../lib/files.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import { newId, Records } from '../lib/records.ts';
import type { Log } from '../observe/log.ts';
import {
  changeOf,
  deviceView,
  equalJson,
  mirrored,
  missingFrom,
  writable,
} from '../translate/sources/twin-view.ts';
import { moduleStatuses } from './module-status.ts';
import type { DeferredRequest, MessageRequest, TwinChangeRequest, TwinRequest } from './requests.ts';

interface DeferredOptions {
  readonly directory: string;
  readonly log: Log;
  readonly clients: () => Promise<HubClients>;
  /** Waits as long as ThingWorx is away. Rejects only with STOPPING. */
  readonly tell: (
    instructions: readonly NotificationInstruction[],
    signal: AbortSignal,
  ) => Promise<readonly { readonly message: string }[]>;
}

type Kept = DeferredRequest & { readonly id: string };
type Outcome = Omit<NotificationInstruction, 'sequenceNumber'>;

/** The largest number of waiting requests. Beyond it, a request is refused, and the value of its property is restored. */
const MAX_WAITING = 5_000;
const CALL_TIMEOUT_MS = 20_000;
/** Requests at work at once; those of one device go one after the other. */
const PARALLEL = 16;
const KINDS: readonly DeferredRequest['kind'][] = ['twinChange', 'message', 'modules', 'twin'];

/**
 * Carries out what subscriptions asked for, one after the other for each device, and tells the Thing. Each request lies in the state
 * directory until its Thing has been told, so that neither an outage of ThingWorx nor the end of the process loses one.
 */
export class DeferredRequests {
  readonly #options: DeferredOptions;
  readonly #records: Records<Kept>;
  readonly #mutex = new KeyedMutex();
  readonly #wantRoom: (() => void)[] = [];
  #atWork = 0;
  /** Devices whose modules will be read anyway. */
  readonly #modulesAsked = new Set<string>();
  readonly #abort = new AbortController();
  readonly #working = new Map<string, Promise<void>>();
  #starting: Promise<void> | undefined;

  constructor(options: DeferredOptions) {
    this.#options = options;
    this.#records = new Records(options.directory, isKept);
  }

  /** Goes on with what the last process left. Idempotent. Rejects with STATE_UNAVAILABLE; the next call tries again. */
  start(): Promise<void> {
    this.#starting ??= this.#load().catch((thrown) => {
      this.#starting = undefined;
      throw thrown;
    });
    return this.#starting;
  }

  /** Leaves what is under way to the next process. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#starting?.catch(() => undefined);
    await Promise.all(this.#working.values());
  }

  /**
   * Resolves when the request lies in the state directory, from which it is carried out even by the next process.
   * Rejects with DEFERRED_QUEUE_FULL, STATE_UNAVAILABLE, STOPPING.
   */
  async take(request: DeferredRequest): Promise<void> {
    await this.start();
    if (this.#abort.signal.aborted) throw new ConnectorError('STOPPING', 'The sidecar is stopping.');
    if (request.kind === 'modules' && this.#modulesAsked.has(request.deviceId)) return;
    if (this.#working.size >= MAX_WAITING)
      throw new ConnectorError(
        'DEFERRED_QUEUE_FULL',
        `${this.#working.size} requests of subscriptions wait for the IoT Hub or for ThingWorx.`,
      );
    const kept = { ...request, id: newId(Date.now()) };
    try {
      await this.#records.write(kept);
    } catch (thrown) {
      throw unavailable(thrown);
    }
    this.#begin(kept);
  }

  async #load(): Promise<void> {
    try {
      const { records, unreadable } = await this.#records.load();
      for (const name of unreadable)
        this.#options.log.warn({ file: name }, 'A deferred request cannot be read; it is left out.');
      for (const kept of records) this.#begin(kept);
    } catch (thrown) {
      throw unavailable(thrown);
    }
  }

  #begin(kept: Kept): void {
    if (kept.kind === 'modules') this.#modulesAsked.add(kept.deviceId);
    const work = this.#mutex
      .run(kept.deviceId, () => this.#withRoom(() => this.#carryOut(kept)))
      .catch((thrown) => {
        const error = toConnectorError(thrown);
        if (error.code !== 'STOPPING')
          this.#options.log.error({ err: error, deviceId: kept.deviceId }, 'A deferred request failed.');
      })
      .finally(() => this.#working.delete(kept.id));
    this.#working.set(kept.id, work);
  }

  /** Runs the work when fewer than PARALLEL others are under way. */
  async #withRoom(work: () => Promise<void>): Promise<void> {
    while (this.#atWork >= PARALLEL) await new Promise<void>((resolve) => this.#wantRoom.push(resolve));
    this.#atWork += 1;
    try {
      await work();
    } finally {
      this.#atWork -= 1;
      this.#wantRoom.shift()?.();
    }
  }

  /** Rejects with STOPPING: the request is kept. */
  async #carryOut(kept: Kept): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) throw new ConnectorError('STOPPING', 'The sidecar is stopping.');
    if (kept.kind === 'modules') this.#modulesAsked.delete(kept.deviceId);
    const outcome = await this.#outcome(kept, signal);
    if (signal.aborted) throw new ConnectorError('STOPPING', 'The sidecar is stopping.');
    if (outcome) {
      const [refusal] = await this.#options.tell([{ sequenceNumber: 0, ...outcome }], signal);
      if (refusal)
        this.#options.log.warn(
          { thing: kept.thing, deviceId: kept.deviceId, kind: kept.kind },
          `ThingWorx refused the outcome of a deferred request: ${refusal.message}`,
        );
    }
    await untilDone(() => this.#records.remove(kept.id), signal);
  }

  async #outcome(kept: Kept, signal: AbortSignal): Promise<Outcome | undefined> {
    const call = { signal, timeoutMs: CALL_TIMEOUT_MS };
    switch (kept.kind) {
      case 'twinChange':
        return await this.#changeTwin(kept, call);
      case 'message':
        return await this.#send(kept, call);
      case 'modules':
        return await this.#readModules(kept, call);
      case 'twin':
        return await this.#readTwin(kept, call);
    }
  }

  async #changeTwin(request: TwinChangeRequest, call: Call): Promise<Outcome> {
    const { thing, deviceId, section, before, after } = request;
    const property = section === 'desired' ? 'twinDesired' : 'twinTags';
    const shows = (content: object, anew: boolean) => ({
      thing,
      twin: { thing, sections: { [property]: { ...content } }, anew, instead: after },
    });
    let present: object = before;
    try {
      const { twins } = await this.#options.clients();
      const current = mirrored(await twins.get({ deviceId }, call))[section];
      present = current;
      const patch = missingFrom(current, changeOf(before, after));
      if (equalJson(patch, {})) return { event: '', data: {}, ...shows(current, false) };
      const changed = await twins.patch({ deviceId }, { [section]: patch }, call);
      return { event: '', data: {}, ...shows(mirrored(changed)[section], false) };
    } catch (thrown) {
      const { code, message } = toConnectorError(thrown);
      const data = {
        deviceId,
        property,
        code,
        message: `${code}: ${message}`,
        attempted: writable(after),
        time: Date.now(),
      };
      return { event: 'TwinUpdateRefused', data, ...shows(present, true) };
    }
  }

  async #send(request: MessageRequest, call: Call): Promise<Outcome | undefined> {
    const { thing, deviceId, messageId, values, properties, correlationId, ack, expiresAtMs } = request;
    try {
      if (expiresAtMs !== undefined && expiresAtMs <= Date.now())
        throw new ConnectorError('AZURE_TIMEOUT', 'The message expired before it could be sent.');
      const { messages } = await this.#options.clients();
      const message = {
        messageId,
        body: JSON.stringify(values),
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        ...(properties === undefined ? {} : { properties }),
        ...(correlationId === undefined ? {} : { correlationId }),
        ...(ack === undefined ? {} : { ack }),
        ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs) }),
      };
      await messages.send(deviceId, message, call);
      return undefined;
    } catch (thrown) {
      const { code, message } = toConnectorError(thrown);
      const data = {
        deviceId,
        messageId,
        outcome: 'NotSent',
        description: `${code}: ${message}`,
        time: Date.now(),
      };
      return { thing, event: 'MessageFeedback', data };
    }
  }

  /** A device that is not in the registry has nothing to show, which is no error of its Thing. */
  async #readTwin({ thing, deviceId, anew }: TwinRequest, call: Call): Promise<Outcome | undefined> {
    try {
      const { twins } = await this.#options.clients();
      const view = deviceView(await twins.get({ deviceId }, { ...call, isOwn: true }));
      const { desired: twinDesired, reported: twinReported, tags: twinTags } = view;
      const values = {
        ...(view.connectionState === undefined ? {} : { connectionState: view.connectionState }),
        ...(view.modelId === undefined ? {} : { modelId: view.modelId }),
        ...(view.lastActivityTime === undefined
          ? {}
          : { lastActivityTime: Date.parse(view.lastActivityTime) }),
      };
      return {
        thing,
        event: '',
        data: {},
        ...(anew ? { values } : { initialValues: values }),
        twin: { thing, sections: { twinDesired, twinReported, twinTags }, anew },
      };
    } catch (thrown) {
      const error = toConnectorError(thrown);
      if (error.code !== 'DEVICE_NOT_FOUND')
        this.#options.log.warn({ err: error, deviceId }, 'The twin of a new Thing could not be read.');
      return undefined;
    }
  }

  async #readModules({ thing, deviceId }: Kept, call: Call): Promise<Outcome | undefined> {
    try {
      const { twins } = await this.#options.clients();
      const twin = await twins.get({ deviceId, moduleId: '$edgeAgent' }, { ...call, isOwn: true });
      const rows = moduleStatuses(twin.properties.reported);
      return { thing, event: '', data: {}, tables: { modulesStatus: rows } };
    } catch (thrown) {
      this.#options.log.warn(
        { err: toConnectorError(thrown), deviceId },
        'What edgeAgent reported could not be read; modulesStatus stays as it is.',
      );
      return undefined;
    }
  }
}

interface Call {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

function isKept(value: Kept | null): boolean {
  return (
    typeof value?.id === 'string' &&
    typeof value.thing === 'string' &&
    typeof value.deviceId === 'string' &&
    KINDS.includes(value.kind)
  );
}

function unavailable(thrown: unknown): ConnectorError {
  const error = toConnectorError(thrown);
  if (error.code !== 'INTERNAL') return error;
  return new ConnectorError('STATE_UNAVAILABLE', `Deferred requests cannot be kept: ${systemCode(thrown)}.`, {
    cause: thrown,
  });
}
