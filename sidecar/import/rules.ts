import { ConnectorError } from '../errors/connector-error.ts';
import { templateName } from '../lib/dtmi.ts';
import type { DeviceView } from '../translate/sources/twin-view.ts';

/** What an import reads of a device. */
export interface ImportedDevice {
  readonly deviceId: string;
  readonly modelId?: string | undefined;
  readonly isEdge: boolean;
  readonly tags: Readonly<Record<string, unknown>>;
  /** For the properties of its Thing. */
  readonly view?: DeviceView;
}

/** The Thing Template for devices that meet every condition that is given. */
export interface TemplateRule {
  readonly template: string;
  /** A path of twin tags, such as `location.building`; met when the device has it, and has `value` where one is given. */
  readonly tag?: string | undefined;
  readonly value?: string | undefined;
  /** An IoT Plug and Play model id; one that ends in * stands for all that begin so. */
  readonly modelId?: string | undefined;
  /** true: only IoT Edge devices. false: only others. */
  readonly edge?: boolean | undefined;
}

/** The template of the first rule that the device meets; else that of its model where ThingWorx has it, else `otherwise`. */
export function templateFor(
  device: ImportedDevice,
  rules: readonly TemplateRule[],
  otherwise: string,
): { readonly template: string; readonly modelTemplate?: string } {
  const rule = rules.find((candidate) => meets(device, candidate));
  if (rule !== undefined) return { template: rule.template };
  const { modelId } = device;
  return { template: otherwise, ...(modelId ? { modelTemplate: templateName(modelId) } : {}) };
}

function meets(device: ImportedDevice, { tag, value, modelId, edge }: TemplateRule): boolean {
  if (tag !== undefined) {
    const found = tagText(device.tags, tag);
    if (found === undefined || (value !== undefined && found !== value)) return false;
  }
  if (modelId !== undefined) {
    const own = device.modelId ?? '';
    const isMet = modelId.endsWith('*') ? own.startsWith(modelId.slice(0, -1)) : own === modelId;
    if (!isMet) return false;
  }
  return edge === undefined || edge === device.isEdge;
}

/** A tag as text; undefined when the device does not have it or it is an object. */
function tagText(tags: Readonly<Record<string, unknown>>, path: string): string | undefined {
  let value: unknown = tags;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'object' || value === undefined ? undefined : String(value);
}

const PLACE = /\{([^{}]*)\}/g;

/** A text with places for what a device has: `{deviceId}`, `{modelId}` and `{tags.<path>}`. */
export class Pattern {
  readonly #text: string;

  /** Throws REQUEST_INVALID for a place that is none of them; `member` names the parameter. */
  constructor(text: string, member: string) {
    for (const [place, name = ''] of text.matchAll(PLACE)) {
      if (name === 'deviceId' || name === 'modelId' || /^tags\.[^.]+(\.[^.]+)*$/.test(name)) continue;
      throw new ConnectorError(
        'REQUEST_INVALID',
        `${member} has ${place}; expected {deviceId}, {modelId} or a tag such as {tags.building}.`,
      );
    }
    this.#text = text;
  }

  /** The text for a device, or which place has no value there. */
  fill(device: ImportedDevice): { readonly text: string } | { readonly missing: string } {
    let missing: string | undefined;
    const text = this.#text.replace(PLACE, (place, name: string) => {
      const value = memberOf(device, name);
      if (value === undefined || value === '') missing ??= place;
      return value ?? '';
    });
    return missing === undefined ? { text } : { missing };
  }
}

function memberOf(device: ImportedDevice, name: string): string | undefined {
  if (name === 'deviceId') return device.deviceId;
  if (name === 'modelId') return device.modelId;
  return tagText(device.tags, name.slice('tags.'.length));
}
