import path from 'node:path';
import type { HubClients } from '../azure/iot-hub/hub-clients.ts';
import type { HubSettings } from '../contract/hub-settings.ts';
import { ConnectorError } from '../errors/connector-error.ts';
import type { Log } from '../observe/log.ts';
import type { RunningTask, TaskKind } from '../tasks/task.ts';
import type { ThingworxClient } from '../thingworx/client.ts';
import type { Place, Selection } from './devices.ts';
import { DiskIndex } from './disk-index.ts';
import { HubThings, type MadeThing, type WantedThing } from './hub-things.ts';
import { type ImportProgress, type Outcome, withProgress } from './progress.ts';
import { RegistryReader } from './registry-reader.ts';
import { type ImportedDevice, Pattern, type TemplateRule, templateFor } from './rules.ts';
import { type ListingPlace, ThingIndex } from './thing-index.ts';

export const START_IMPORT = 'StartImport';

/** The default pattern of names: the id of the device. */
const OWN_NAME = '{deviceId}';

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
  readonly settings: () => HubSettings;
  /** A device has a Thing now. */
  readonly onThing: (deviceId: string) => void;
  /** Messages of the hub that wait for ThingWorx: they go first. */
  readonly waitingMessages: () => number;
  readonly log: Log;
}

interface ImportPlace {
  readonly listing?: ListingPlace;
  readonly devices?: Place;
  /** The length of the file of names that a dry run has given. */
  readonly names?: number;
}

/** For so few devices it is faster to ask for their Things than to list all. */
const FEW_DEVICES = 1_000;

/**
 * Makes Things for devices of the registry: created, linked (existed without a hub), existed, failed; in a dry run wouldCreate and
 * wouldLink. Goes on after a crash at the page it was at; what it made of that page is then counted as existed. A dry run begins again at
 * another sidecar, which does not know the names that it has given.
 */
export class ImportTask implements TaskKind<ImportInput, ImportPlace> {
  readonly kind = START_IMPORT;
  readonly resumes = true;
  readonly #work: RegistryWork;

  constructor(work: RegistryWork) {
    this.#work = work;
  }

  run(task: RunningTask<ImportInput, ImportPlace>): Promise<void> {
    return withProgress(this.#work, task, START_IMPORT, (progress) => this.#import(task, progress));
  }

  async #import(task: RunningTask<ImportInput, ImportPlace>, progress: ImportProgress): Promise<void> {
    const { input, signal } = task;
    const things = new HubThings(this.#work);
    const reader = new RegistryReader(this.#work, task as RunningTask, input.selection);
    const index = new ThingIndex(things, task.scratch);
    const names = new GivenNames(task.scratch, input);
    try {
      let place = task.position ?? {};
      if (!(await names.start(place.names))) {
        place = place.listing ? { listing: place.listing } : {};
        await task.restart(place);
      }
      const save = (next: ImportPlace) => {
        place = { ...place, ...next };
        return task.save(place);
      };
      const { selection } = input;
      const isFew = selection.kind === 'list' && selection.deviceIds.length <= FEW_DEVICES;
      if (!isFew) await index.start({}, place.listing, signal, (listing) => save({ listing }));
      const ownersOf = isFew
        ? (deviceIds: readonly string[]) => things.find(deviceIds, signal)
        : async (deviceIds: readonly string[]) =>
            new Map(
              [...(await index.find(deviceIds))].map(([id, found]) => [id, found.at(-1)?.value.thing ?? '']),
            );
      for await (const page of reader.pages(place.devices)) {
        for (const item of page.unknown)
          progress.settle({
            item,
            outcome: 'failed',
            message: 'DEVICE_NOT_FOUND: IoT Hub has no such device.',
          });
        const owners = await ownersOf(page.devices.map(({ deviceId }) => deviceId));
        const plan = new Plan(input, owners, names);
        await things.make(
          await plan.of(page.devices, progress),
          signal,
          async (made) => {
            for (const one of made) progress.settle(lineOf(one, input.dryRun));
            await progress.notify();
          },
          input,
        );
        if (page.next) await save({ devices: page.next, names: await names.keep() });
      }
    } finally {
      await index.stop();
      await names.stop();
      await reader.close();
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

/**
 * The names that an import has given to devices: a pattern may give one name to two of them. An import that makes Things finds those of
 * earlier pages in ThingWorx; a dry run has to remember them, unless each device has its own id as name.
 */
class GivenNames {
  readonly #earlier: DiskIndex<{ name: string; deviceId: string }> | undefined;

  constructor(scratch: string, { dryRun, thingName }: ImportInput) {
    if (dryRun && thingName !== OWN_NAME)
      this.#earlier = new DiskIndex(path.join(scratch, 'names.ndjson'), ({ name }) => name);
  }

  /** Gives false when the names of earlier pages are lost. */
  async start(bytes: number | undefined): Promise<boolean> {
    return (await this.#earlier?.start(bytes)) ?? true;
  }

  async stop(): Promise<void> {
    await this.#earlier?.stop();
  }

  /** Makes durable what was given; the length of the file. */
  async keep(): Promise<number> {
    await this.#earlier?.flush();
    return this.#earlier?.bytes ?? 0;
  }

  /** Name -> device, for those of the names that were given before. */
  async of(names: readonly string[]): Promise<Map<string, string>> {
    const found = (await this.#earlier?.find(names)) ?? new Map();
    return new Map([...found].map(([name, [first]]) => [name, first?.value.deviceId ?? '']));
  }

  async give(name: string, deviceId: string): Promise<void> {
    await this.#earlier?.add({ name, deviceId });
  }
}

/** Which Thing each device of a page shall have. */
class Plan {
  readonly #input: ImportInput;
  readonly #owners: ReadonlyMap<string, string>;
  readonly #names: GivenNames;
  readonly #name: Pattern;
  readonly #tags: Pattern;
  readonly #identifier: Pattern;

  constructor(input: ImportInput, owners: ReadonlyMap<string, string>, names: GivenNames) {
    this.#input = input;
    this.#owners = owners;
    this.#names = names;
    this.#name = new Pattern(input.thingName, 'thingName');
    this.#tags = new Pattern(input.tags, 'tags');
    this.#identifier = new Pattern(input.identifier, 'identifier');
  }

  /** The Things to be made; what needs none is settled. */
  async of(devices: readonly ImportedDevice[], progress: ImportProgress): Promise<WantedThing[]> {
    const wanted = devices.flatMap((device) => {
      const { deviceId } = device;
      const owner = this.#owners.get(deviceId);
      if (owner !== undefined) {
        progress.settle({ item: deviceId, outcome: 'existed', message: owner });
        return [];
      }
      const thing = this.#wanted(device);
      if (typeof thing !== 'string') return [thing];
      progress.settle({ item: deviceId, outcome: 'failed', message: thing });
      return [];
    });
    const given = await this.#names.of(wanted.map(({ name }) => name));
    const possible: WantedThing[] = [];
    for (const thing of wanted) {
      const { name, deviceId } = thing;
      const other = given.get(name);
      if (other !== undefined && other !== deviceId) {
        const message = `The name ${name} belongs to the device ${other} already.`;
        progress.settle({ item: deviceId, outcome: 'failed', message });
        continue;
      }
      given.set(name, deviceId);
      if (other === undefined) await this.#names.give(name, deviceId);
      possible.push(thing);
    }
    return possible;
  }

  /** The Thing, or why there can be none. */
  #wanted(device: ImportedDevice): WantedThing | string {
    const { rules, template, project } = this.#input;
    const [name, tags, identifier] = [this.#name, this.#tags, this.#identifier].map((pattern) =>
      pattern.fill(device),
    ) as [Filled, Filled, Filled];
    for (const filled of [name, tags, identifier])
      if (filled.missing !== undefined) return `The device has no value for ${filled.missing}.`;
    return {
      name: name.text ?? '',
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
    thingName: request.thingName || OWN_NAME,
    tags: request.tags ?? '',
    identifier: request.identifier ?? '',
    project: request.project ?? '',
    dryRun: request.dryRun ?? false,
  };
  // A wrong pattern must be refused before the task starts.
  for (const member of ['thingName', 'tags', 'identifier'] as const) new Pattern(input[member], member);
  return input;
}

/** Which devices a caller has chosen. Throws REQUEST_INVALID. */
export function selectionOf({
  condition,
  deviceIds,
}: Pick<ImportRequest, 'condition' | 'deviceIds'>): Selection {
  if (condition && deviceIds)
    throw new ConnectorError('REQUEST_INVALID', 'Give condition or deviceIds, not both.');
  if (condition) return { kind: 'query', condition };
  if (!deviceIds) return { kind: 'all' };
  // An empty selection must not import everything.
  if (deviceIds.length === 0)
    throw new ConnectorError('REQUEST_INVALID', 'deviceIds is an empty list; leave it out to choose all.');
  return { kind: 'list', deviceIds };
}

/** The title of the task. */
export function importTitle({ selection, dryRun }: ImportInput): string {
  const which = selectionText(selection);
  return dryRun ? `Show what an import of ${which} would do` : `Import ${which}`;
}

export function selectionText(selection: Selection): string {
  if (selection.kind === 'all') return 'all devices';
  if (selection.kind === 'query') return `devices where ${selection.condition}`;
  return `${selection.deviceIds.length} listed devices`;
}
