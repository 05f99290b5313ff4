import assert from 'node:assert/strict';
import { compileTranslator } from '../../sidecar/translate/translator.ts';
import type {
  BaseType,
  PropertyDefinition,
  ReceivedMessage,
  ThingDefinition,
  ThingDirectory,
  TranslateOptions,
  Translation,
  TranslationSettings,
  Update,
} from '../../sidecar/translate/types.ts';

/** A telemetry message of device dev-1; a body that is no Uint8Array is written as JSON. */
export function message(body: unknown, over: Partial<ReceivedMessage> = {}): ReceivedMessage {
  return {
    body: body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body)),
    systemProperties: {},
    applicationProperties: {},
    deviceId: 'dev-1',
    source: 'Telemetry',
    enqueuedTimeMs: 1_700_000_000_000,
    sequenceNumber: 1,
    offset: '0',
    partitionId: '0',
    ...over,
  };
}

/** A definition, and the Thing that has it. */
export interface NamedDefinition extends ThingDefinition {
  readonly name: string;
}

export function thing(name: string, properties: Readonly<Record<string, BaseType>>): NamedDefinition {
  const definitions = Object.entries(properties).map(([key, baseType]): [string, PropertyDefinition] => [
    key,
    { baseType },
  ]);
  return { name, template: 'AzureIoT.Device_TT', properties: new Map(definitions) };
}

export function directory(...things: readonly NamedDefinition[]): ThingDirectory {
  const byName = new Map(things.map((definition) => [definition.name, definition]));
  return { get: (name) => byName.get(name) };
}

export function translate(
  settings: TranslationSettings,
  input: ReceivedMessage,
  things: ThingDirectory,
  options?: TranslateOptions,
): Translation {
  const translator = compileTranslator(settings);
  const prepared = translator.prepare(input);
  assert.ok(!(prepared instanceof Promise), 'no expression is involved');
  return translator.translate(prepared, things, options);
}

/** A row as an object: its values by property, without those that are null. */
export function row({ properties, values }: Update): Record<string, unknown> {
  return Object.fromEntries(
    properties.map((name, i) => [name, values[i]]).filter(([, value]) => value !== null),
  );
}

export function rows(translation: Translation): Record<string, unknown>[] {
  return translation.updates.map(row);
}

export function codes(list: readonly { readonly code: string }[]): string[] {
  return list.map(({ code }) => code);
}
