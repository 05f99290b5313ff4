import { XMLValidator } from 'fast-xml-parser';
import type { CoerceContext } from './context.ts';
import { base64, isoText, plainJson } from './plain-json.ts';
import { INEXACT, outOfRange, Wrong, wrongType } from './wrong.ts';

/**
 * STRING takes every scalar as its text and objects as JSON, as the platform does. A number keeps its digits: an
 * integer beyond what a double holds is read again from the body.
 */
export function toText(value: unknown, context: CoerceContext): string | Wrong {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      if (!Number.isFinite(value))
        return outOfRange('a number beyond double', 'a number that can be written');
      return context.exact || Number.isSafeInteger(value) || !Number.isInteger(value)
        ? String(value)
        : INEXACT;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return value.toString();
    case 'object':
      if (value === null) return wrongType(value, 'text');
      if (value instanceof Date) return isoText(value);
      if (value instanceof Uint8Array) return base64(value);
      return jsonText(value, context);
    default:
      return wrongType(value, 'text');
  }
}

/** Names of entities, links and the like: text, or a number as its digits; an object is no name. */
export function toName(value: unknown, context: CoerceContext): string | Wrong {
  return typeof value === 'object' ? wrongType(value, 'text') : toText(value, context);
}

/** XML must be well-formed. A document type declaration is refused: it can make the platform's parser read files. */
export function toXml(value: unknown): string | Wrong {
  if (typeof value !== 'string') return wrongType(value, 'XML text');
  if (value.trim() === '') return value;
  if (/<!DOCTYPE/i.test(value)) return wrongType(value, 'XML without a document type declaration');
  try {
    const answer = XMLValidator.validate(value);
    if (answer === true) return value;
    return wrongType(value, `well-formed XML (line ${answer.err.line}: ${answer.err.msg})`);
  } catch {
    return wrongType(value, 'well-formed XML');
  }
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const DATA_URI = /^data:[^,]{0,200};base64,/;

/** IMAGE and BLOB as base64 text. URL-safe alphabet, missing padding, line breaks and data URIs are brought to it. */
export function toBase64(value: unknown): string | Wrong {
  if (value instanceof Uint8Array) return base64(value);
  if (typeof value !== 'string') return wrongType(value, 'base64 text');
  if (value.length % 4 === 0 && BASE64.test(value)) return value;
  const text = value
    .replace(DATA_URI, '')
    .replace(/[\r\n\t ]/g, '')
    .replace(/-/g, '+')
    .replace(/_/g, '/');
  const bare = text.endsWith('==') ? text.slice(0, -2) : text.endsWith('=') ? text.slice(0, -1) : text;
  if (bare.endsWith('=') || !BASE64.test(bare) || bare.length % 4 === 1)
    return wrongType(value, 'base64 text');
  return bare.padEnd(Math.ceil(bare.length / 4) * 4, '=');
}

/** Telemetry must not set a secret, and the platform cannot convert plain text to one. */
export function toPassword(): Wrong {
  return new Wrong(
    'VALUE_WRONG_TYPE',
    'cannot be delivered: a PASSWORD property is not written by telemetry',
  );
}

function jsonText(value: object, context: CoerceContext): string | Wrong {
  const plain = plainJson(value, context);
  return plain instanceof Wrong ? plain : JSON.stringify(plain);
}
