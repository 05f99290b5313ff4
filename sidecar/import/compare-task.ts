import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isMissing, replaceFile } from '../lib/files.ts';
import type { RunningTask, TaskKind } from '../tasks/task.ts';
import type { Place } from './devices.ts';
import type { Indexed } from './disk-index.ts';
import { type DescribedThing, HubThings } from './hub-things.ts';
import type { RegistryWork } from './import-task.ts';
import { type ImportProgress, withProgress } from './progress.ts';
import { RegistryReader } from './registry-reader.ts';
import { type ImportedDevice, type TemplateRule, templateFor } from './rules.ts';
import { type ListingPlace, ThingIndex } from './thing-index.ts';

export const COMPARE_REGISTRY = 'CompareRegistry';

export interface CompareInput {
  readonly rules: readonly TemplateRule[];
  /** For devices that meet no rule. Without rules and template only the templates of models are compared. */
  readonly template: string;
}

interface ComparePlace {
  readonly listing: ListingPlace;
  readonly devices?: Place;
}

/**
 * Reports what either side lacks: withoutThing (a device), withoutDevice (a Thing). A Thing of another template, model or tags than the
 * registry and the rules give is different. What has both and is equal is counted as matched. Goes on after a crash at the page it was at;
 * at another sidecar it begins again.
 */
export class CompareTask implements TaskKind<CompareInput, ComparePlace> {
  readonly kind = COMPARE_REGISTRY;
  readonly resumes = true;
  readonly #work: RegistryWork;

  constructor(work: RegistryWork) {
    this.#work = work;
  }

  run(task: RunningTask<CompareInput, ComparePlace>): Promise<void> {
    return withProgress(this.#work, task, COMPARE_REGISTRY, (progress) => this.#compare(task, progress));
  }

  async #compare(task: RunningTask<CompareInput, ComparePlace>, progress: ImportProgress): Promise<void> {
    const { signal, position } = task;
    const things = new HubThings(this.#work);
    const index = new ThingIndex(things, task.scratch);
    const reader = new RegistryReader(this.#work, task as RunningTask, { kind: 'all' });
    const templates = new ExpectedTemplates(task.input, things);
    let listing = position?.listing;
    let devices = position?.devices;
    try {
      const isKept = await index.start({ details: true }, listing, signal, async (place) => {
        listing = place;
        await task.save({ listing: place });
      });
      if (!isKept && listing) {
        devices = undefined;
        await task.restart({ listing });
      }
      const matched = new Marks(path.join(task.scratch, 'matched'), index.size);
      await matched.start();
      for await (const page of reader.pages(devices)) {
        const found = await index.find(page.devices.map(({ deviceId }) => deviceId));
        for (const device of page.devices) {
          const own = found.get(device.deviceId) ?? [];
          for (const { number } of own) matched.set(number);
          await this.#settle(device, own, templates, progress, signal);
        }
        await progress.notify();
        if (!page.next || !listing) continue;
        await matched.keep();
        await task.save({ listing, devices: page.next });
      }
      const { done } = task.progress();
      progress.expect(done + (index.size - matched.count));
      for await (const { number, value } of index.from(0))
        if (!matched.has(number))
          progress.settle({
            item: value.thing,
            outcome: 'withoutDevice',
            message: `IoT Hub has no device ${value.deviceId}.`,
          });
    } finally {
      await index.stop();
      await reader.close();
    }
  }

  async #settle(
    device: ImportedDevice,
    own: readonly Indexed<DescribedThing>[],
    templates: ExpectedTemplates,
    progress: ImportProgress,
    signal: AbortSignal,
  ): Promise<void> {
    const item = device.deviceId;
    if (own.length === 0)
      return progress.settle({ item, outcome: 'withoutThing', message: 'The device has no Thing.' });
    const expected = await templates.of(device, signal);
    const lines = own.flatMap(({ value }) => differences(device, value, expected));
    for (const line of lines) progress.tell({ item, ...line });
    if (lines.length === 0) progress.count('matched');
    else progress.count('different', ...lines.map(({ outcome }) => outcome));
  }
}

function differences(
  { modelId, tags }: ImportedDevice,
  { thing, ...present }: DescribedThing,
  template: string | undefined,
): { outcome: string; message: string }[] {
  const lines: { outcome: string; message: string }[] = [];
  if (template !== undefined && present.template !== template)
    lines.push({
      outcome: 'otherTemplate',
      message: `${thing} has the template ${present.template}; expected ${template}.`,
    });
  if (modelId !== undefined && present.modelId !== modelId)
    lines.push({
      outcome: 'otherModel',
      message: `${thing} has ${present.modelId ? `the model ${present.modelId}` : 'no model'}; the device has ${modelId}.`,
    });
  if (present.tags !== tagsDigest(tags))
    lines.push({
      outcome: 'otherTags',
      message: `The tags of ${thing} are not those of the device; RefreshTwins mirrors them.`,
    });
  return lines;
}

/** The first values of the two hashes; ListDeviceThings has the same. */
const SEEDS = [2166136261, 84696351];

/**
 * A short text that stands for the tags of a device. ListDeviceThings gives the same for the tags that a Thing mirrors: a million Things
 * with all their tags would be too much to list.
 */
function tagsDigest(tags: Readonly<Record<string, unknown>>): string {
  const { $version: _, ...content } = tags;
  const text = canonicalText(content);
  return [text.length, ...SEEDS.map((seed) => hashOf(text, seed).toString(16))].join('-');
}

/** A JSON value as text with sorted keys. */
function canonicalText(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join(',')}}`;
}

/** FNV-1a. */
function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** Model templates that are remembered as present or absent. */
const MOST_TEMPLATES = 1_000;

/** The template that an import would give to each device. */
class ExpectedTemplates {
  readonly #input: CompareInput;
  readonly #things: HubThings;
  readonly #known = new Map<string, boolean>();

  constructor(input: CompareInput, things: HubThings) {
    this.#input = input;
    this.#things = things;
  }

  /** Undefined when nothing is expected. */
  async of(device: ImportedDevice, signal: AbortSignal): Promise<string | undefined> {
    const { rules, template: otherwise } = this.#input;
    const { template, modelTemplate } = templateFor(device, rules, otherwise);
    if (modelTemplate !== undefined && (await this.#isPresent(modelTemplate, signal))) return modelTemplate;
    return template || undefined;
  }

  async #isPresent(template: string, signal: AbortSignal): Promise<boolean> {
    let known = this.#known.get(template);
    if (known === undefined) {
      known = (await this.#things.presentTemplates([template], signal)).has(template);
      if (this.#known.size >= MOST_TEMPLATES) this.#known.clear();
      this.#known.set(template, known);
    }
    return known;
  }
}

/** A bit for each Thing of the index; kept in a file, so that a comparison goes on after a crash. */
class Marks {
  readonly #file: string;
  readonly #bits: Uint8Array;
  #count = 0;

  constructor(file: string, size: number) {
    this.#file = file;
    this.#bits = new Uint8Array(Math.ceil(size / 8));
  }

  get count(): number {
    return this.#count;
  }

  async start(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch((thrown: unknown) => {
      if (isMissing(thrown)) return '';
      throw thrown;
    });
    this.#bits.set(Buffer.from(text, 'base64').subarray(0, this.#bits.length));
    for (let number = 0; number < this.#bits.length * 8; number += 1) if (this.has(number)) this.#count += 1;
  }

  async keep(): Promise<void> {
    await replaceFile(this.#file, Buffer.from(this.#bits.buffer).toString('base64'));
  }

  has(number: number): boolean {
    return ((this.#bits[number >> 3] as number) & (1 << (number & 7))) !== 0;
  }

  set(number: number): void {
    if (this.has(number)) return;
    this.#bits[number >> 3] = (this.#bits[number >> 3] as number) | (1 << (number & 7));
    this.#count += 1;
  }
}
