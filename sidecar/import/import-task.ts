import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type { RunningTask, TaskKind } from '../tasks/task.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import { countDevices, devicePages, type Place, type Selection } from './devices.ts';
import { ImportProgress, type Outcome } from './progress.ts';
import { ProgressNotifier } from './progress-notifier.ts';
import { type ImportedDevice, Pattern, type TemplateRule, templateFor } from './rules.ts';
import { type MadeThing, ThingBatchCreator, type WantedThing } from './thing-batch-creator.ts';

export const START_IMPORT = 'StartImport';

interface ImportInput {
  readonly selection: Selection;
  readonly rules: readonly TemplateRule[];
  /** For devices that meet no rule. */
  readonly template: string;
  /** Patterns (rules.ts); the last two may be empty. */
  readonly thingName: string;
  readonly tags: string;
  readonly identifier: string;
  readonly project: string;
  /** Whether nothing is made, only reported. */
  readonly dryRun: boolean;
}

/** What the kinds of work with the registry share. */
export interface RegistryWork {
  readonly hubThing: string;
  readonly client: ThingworxClient;
  readonly azure: () => Promise<HubClients>;
  /** A device has a Thing now. */
  readonly onThing: (deviceId: string) => void;
  readonly log: Log;
}

/**
 * Makes Things for devices of the registry: created, linked (existed without a hub), existed, failed; in a dry run wouldCreate and
 * wouldLink. Goes on
 * after a crash at the page it was at; what it made of that page is then counted as existed.
 */
export class ImportTask implements TaskKind<ImportInput, Place> {
  readonly kind = START_IMPORT;
  readonly resumes = true;
  readonly #work: RegistryWork;

  constructor(work: RegistryWork) {
    this.#work = work;
  }

  run(task: RunningTask<ImportInput, Place>): Promise<void> {
    const { client, hubThing, log } = this.#work;
    const progress = new ImportProgress(
      task as RunningTask,
      START_IMPORT,
      new ProgressNotifier(client, hubThing, log),
    );
    return progress.attend(() => this.#import(task, progress));
  }

  async #import(task: RunningTask<ImportInput, Place>, progress: ImportProgress): Promise<void> {
    const { azure, log } = this.#work;
    const { input, signal } = task;
    const things = new ThingBatchCreator(this.#work);
    const total = await countDevices(azure, input.selection, signal, log);
    if (total !== undefined) progress.expect(total);
    const owners = await thingsByDevice(things, signal);
    const plan = new Plan(input, owners);
    for await (const page of devicePages(azure, input.selection, task.position, signal, log)) {
      for (const item of page.unknown)
        progress.settle({
          item,
          outcome: 'failed',
          message: 'DEVICE_NOT_FOUND: IoT Hub has no such device.',
        });
      await things.make(
        plan.of(page.devices, progress),
        signal,
        async (made) => {
          for (const one of made) progress.settle(lineOf(one, input.dryRun));
          await progress.notify();
        },
        input,
      );
      if (page.next) await task.save(page.next);
    }
  }
}

function lineOf({ wanted, outcome, message }: MadeThing, dryRun: boolean): Outcome {
  const { name, deviceId, template } = wanted;
  switch (outcome) {
    case 'failed':
      return { item: deviceId, outcome, message: `${name}: ${message}` };
    case 'created':
      return {
        item: deviceId,
        outcome: dryRun ? 'wouldCreate' : outcome,
        message: `${name} from ${template}`,
      };
    case 'linked':
      return { item: deviceId, outcome: dryRun ? 'wouldLink' : outcome, message: name };
    default:
      return { item: deviceId, outcome, message: name };
  }
}

/** Device id -> Thing, for all Things of devices of the hub. Names alone: some ten megabytes for 100,000. */
export async function thingsByDevice(
  things: ThingBatchCreator,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const owners = new Map<string, string>();
  for await (const page of things.list({}, signal)) {
    for (const { thing, deviceId } of page.things) owners.set(deviceId, thing);
  }
  return owners;
}

/** Which Thing each device shall have. */
class Plan {
  readonly #input: ImportInput;
  readonly #owners: ReadonlyMap<string, string>;
  readonly #name: Pattern;
  readonly #tags: Pattern;
  readonly #identifier: Pattern;
  /** Thing -> device, for the names given out: a pattern may give one name to two devices. */
  readonly #given = new Map<string, string>();

  constructor(input: ImportInput, owners: ReadonlyMap<string, string>) {
    this.#input = input;
    this.#owners = owners;
    this.#name = new Pattern(input.thingName, 'thingName');
    this.#tags = new Pattern(input.tags, 'tags');
    this.#identifier = new Pattern(input.identifier, 'identifier');
    for (const [deviceId, thing] of owners) this.#given.set(thing, deviceId);
  }

  /** The Things to be made; what needs none is settled. */
  of(devices: readonly ImportedDevice[], progress: ImportProgress): WantedThing[] {
    return devices.flatMap((device) => {
      const { deviceId } = device;
      const owner = this.#owners.get(deviceId);
      if (owner !== undefined) {
        progress.settle({ item: deviceId, outcome: 'existed', message: owner });
        return [];
      }
      const wanted = this.#wanted(device);
      if (typeof wanted !== 'string') return [wanted];
      progress.settle({ item: deviceId, outcome: 'failed', message: wanted });
      return [];
    });
  }

  /** The Thing, or why there can be none. */
  #wanted(device: ImportedDevice): WantedThing | string {
    const { rules, template, project } = this.#input;
    const [name, tags, identifier] = [this.#name, this.#tags, this.#identifier].map((pattern) =>
      pattern.fill(device),
    ) as [Filled, Filled, Filled];
    for (const filled of [name, tags, identifier])
      if (filled.missing !== undefined) return `The device has no value for ${filled.missing}.`;
    const thing = name.text ?? '';
    const other = this.#given.get(thing);
    if (other !== undefined && other !== device.deviceId)
      return `The name ${thing} belongs to the device ${other} already.`;
    this.#given.set(thing, device.deviceId);
    return {
      name: thing,
      deviceId: device.deviceId,
      ...templateFor(device, rules, template),
      link: true,
      ...(device.view === undefined ? {} : { twin: device.view }),
      ...(tags.text ? { tags: tags.text } : {}),
      ...(identifier.text ? { identifier: identifier.text } : {}),
      ...(project ? { project } : {}),
    };
  }
}

interface Filled {
  readonly text?: string;
  readonly missing?: string;
}

/** What a caller may ask of an import; what is absent has its default. */
interface ImportRequest {
  readonly condition?: string | undefined;
  readonly deviceIds?: readonly string[] | undefined;
  readonly rules?: readonly TemplateRule[] | undefined;
  readonly template?: string | undefined;
  readonly thingName?: string | undefined;
  readonly tags?: string | undefined;
  readonly identifier?: string | undefined;
  readonly project?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** The input of an import. `deviceTemplate` is for devices that meet no rule. Throws REQUEST_INVALID. */
export function importInput(request: ImportRequest, deviceTemplate: string): ImportInput {
  const input: ImportInput = {
    selection: selectionOf(request),
    rules: request.rules ?? [],
    template: request.template || deviceTemplate,
    thingName: request.thingName || '{deviceId}',
    tags: request.tags ?? '',
    identifier: request.identifier ?? '',
    project: request.project ?? '',
    dryRun: request.dryRun ?? false,
  };
  // A wrong pattern must be refused before the task starts.
  for (const member of ['thingName', 'tags', 'identifier'] as const) new Pattern(input[member], member);
  return input;
}

function selectionOf({ condition, deviceIds }: ImportRequest): Selection {
  if (condition && deviceIds)
    throw new ConnectorError('REQUEST_INVALID', 'Give condition or deviceIds, not both.');
  if (condition) return { kind: 'query', condition };
  if (!deviceIds) return { kind: 'all' };
  // An empty selection must not import everything.
  if (deviceIds.length === 0)
    throw new ConnectorError('REQUEST_INVALID', 'deviceIds is an empty list; leave it out to import all.');
  return { kind: 'list', deviceIds };
}

/** The title of the task. */
export function importTitle({ selection, dryRun }: ImportInput): string {
  const which =
    selection.kind === 'all'
      ? 'all devices'
      : selection.kind === 'list'
        ? `${selection.deviceIds.length} listed devices`
        : `devices where ${selection.condition}`;
  return dryRun ? `Show what an import of ${which} would do` : `Import ${which}`;
}
