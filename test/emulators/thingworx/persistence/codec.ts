import { type FieldDefinition, InfoTable, type InfoTableRow } from '../infotable.ts';
import type { PasswordCipher } from '../password-cipher.ts';
import { type BaseType, Location, Password, type PlatformValue, Variant, Vector } from '../values.ts';

/** JSON form of the model and its values, with a mark `$` for everything that is no plain JSON. */
export class StateCodec {
  private readonly cipher: PasswordCipher;

  constructor(cipher: PasswordCipher) {
    this.cipher = cipher;
  }

  encode(value: unknown): unknown {
    if (value === null || typeof value !== 'object') {
      return typeof value === 'number' && !Number.isFinite(value) ? { $: 'number', v: String(value) } : value;
    }
    if (Array.isArray(value)) {
      return value.map((one) => this.encode(one));
    }
    if (value instanceof Date) {
      return { $: 'date', v: value.getTime() };
    }
    if (value instanceof Map) {
      return { $: 'map', v: [...value].map(([key, one]) => [key, this.encode(one)]) };
    }
    if (value instanceof Uint8Array) {
      return { $: 'bytes', v: Buffer.from(value).toString('base64') };
    }
    if (value instanceof InfoTable) {
      return {
        $: 'table',
        fields: [...value.fields.values()].map((field) => this.encode(field)),
        rows: value.rows.map((row) => this.encode(row)),
      };
    }
    if (value instanceof Location) {
      return { $: 'location', v: [value.latitude, value.longitude, value.elevation] };
    }
    if (value instanceof Vector) {
      return { $: 'vector', v: [...value.components] };
    }
    if (value instanceof Password) {
      return { $: 'password', v: value.clear === '' ? '' : this.cipher.encrypt(value.clear) };
    }
    if (value instanceof Variant) {
      return { $: 'variant', type: value.baseType, v: this.encode(value.value) };
    }
    const entries = Object.entries(value).map(([key, one]) => [key, this.encode(one)] as const);
    return Object.hasOwn(value, '$') || Object.hasOwn(value, '__proto__')
      ? { $: 'object', v: entries }
      : Object.fromEntries(entries);
  }

  decode(json: unknown): unknown {
    if (json === null || typeof json !== 'object') {
      return json;
    }
    if (Array.isArray(json)) {
      return json.map((one) => this.decode(one));
    }
    const marked = json as { $?: unknown; v?: unknown };
    return typeof marked.$ === 'string'
      ? this.decodeMarked(marked.$, marked)
      : Object.fromEntries(Object.entries(json).map(([key, one]) => [key, this.decode(one)]));
  }

  private decodeMarked(mark: string, json: { v?: unknown; [key: string]: unknown }): unknown {
    switch (mark) {
      case 'number':
        return Number(json.v);
      case 'date':
        return new Date(Number(json.v));
      case 'map':
        return new Map((json.v as [string, unknown][]).map(([key, one]) => [key, this.decode(one)]));
      case 'bytes':
        return Uint8Array.from(Buffer.from(String(json.v), 'base64'));
      case 'table':
        return new InfoTable(
          this.decode(json.fields) as FieldDefinition[],
          this.decode(json.rows) as InfoTableRow[],
        );
      case 'location': {
        const [latitude = 0, longitude = 0, elevation = 0] = json.v as number[];
        return new Location(latitude, longitude, elevation);
      }
      case 'vector':
        return new Vector(json.v as number[]);
      case 'password':
        return new Password(json.v === '' ? '' : (this.cipher.decrypt(String(json.v)) ?? ''));
      case 'variant':
        return new Variant(json.type as BaseType, this.decode(json.v) as PlatformValue);
      default: {
        const object: Record<string, unknown> = {};
        for (const [key, one] of json.v as [string, unknown][]) {
          Object.defineProperty(object, key, {
            value: this.decode(one),
            enumerable: true,
            configurable: true,
            writable: true,
          });
        }
        return object;
      }
    }
  }
}
