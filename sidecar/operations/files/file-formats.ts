import { XMLValidator } from 'fast-xml-parser';
import Type, { type TSchema } from 'typebox';
import { forThingWorx, JsonValue } from '../../contract/schema.ts';
import type { ErrorCode } from '../../errors/catalogue.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { MAX_INLINE_BYTES } from '../../files/types.ts';

/** A format in which ThingWorx holds the content of a file. Each has one service that loads it and one that saves it. */
interface FileFormat {
  /** The end of the names of the services: `Text` for LoadText and SaveText. */
  readonly name: string;
  /** The end of the route of both. */
  readonly route: string;
  readonly load: {
    readonly summary: string;
    readonly content: TSchema;
    /** What `decode` can throw. */
    readonly errors: readonly ErrorCode[];
    decode(content: Buffer, path: string): unknown;
  };
  readonly save: {
    readonly summary: string;
    readonly content: TSchema;
    /** `content` fits the schema. @throws ConnectorError REQUEST_INVALID */
    encode(content: unknown): Buffer;
  };
}

export const FILE_FORMATS: readonly FileFormat[] = [
  base64Format('Binary', 'BLOB', 'bytes', 'The bytes.'),
  base64Format('Image', 'IMAGE', 'an image', 'The image.'),
  {
    name: 'JSON',
    route: 'json',
    load: {
      summary: 'Reads a file as JSON. An array is returned as {"array": [...]}.',
      content: JsonValue({ description: 'The JSON.' }),
      errors: ['FILE_CONTENT_INVALID'],
      decode: (content, path) => parseJson(toText(content, path), path),
    },
    save: {
      summary: 'Writes JSON to a file.',
      content: JsonValue({ description: 'The JSON; {"array": [...]} is written as an array.' }),
      encode: (content) => Buffer.from(JSON.stringify(content)),
    },
  },
  {
    name: 'Text',
    route: 'text',
    load: {
      summary: 'Reads a file as text in UTF-8.',
      content: Type.String({ description: 'The text.' }),
      errors: ['FILE_CONTENT_INVALID'],
      decode: toText,
    },
    save: {
      summary: 'Writes a text to a file, in UTF-8.',
      content: Type.String({ minLength: 0, description: 'The text. Empty: an empty file.' }),
      encode: (content) => Buffer.from(content as string),
    },
  },
  {
    name: 'XML',
    route: 'xml',
    load: {
      summary: 'Reads a file as XML.',
      content: xmlContent(),
      errors: ['FILE_CONTENT_INVALID'],
      decode: (content, path) => checkXml(toText(content, path), path),
    },
    save: {
      summary: 'Writes XML to a file, in UTF-8.',
      content: xmlContent(),
      encode: (content) => Buffer.from(content as string),
    },
  },
];

/** Bytes, which are base64 in requests and responses. */
function base64Format(
  name: string,
  baseType: 'BLOB' | 'IMAGE',
  noun: string,
  description: string,
): FileFormat {
  const size = `Up to ${MAX_INLINE_BYTES} bytes. Use a link or the streaming route for larger files.`;
  const content = forThingWorx(Type.String({ minLength: 0, description: `${description} ${size}` }), {
    baseType,
  });
  return {
    name,
    route: name.toLowerCase(),
    load: {
      summary: `Reads a file as ${noun}.`,
      content,
      errors: [],
      decode: (bytes) => bytes.toString('base64'),
    },
    save: {
      summary: `Writes ${noun} to a file.`,
      content,
      encode: (text) => fromBase64(text as string),
    },
  };
}

function xmlContent(): TSchema {
  return forThingWorx(Type.String({ description: 'The XML.' }), { baseType: 'XML' });
}

/** @throws ConnectorError REQUEST_INVALID */
function fromBase64(text: string): Buffer {
  const tight = text.replace(/\s+/g, '');
  if (tight.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(tight)) {
    throw new ConnectorError('REQUEST_INVALID', 'content is not valid base64.');
  }
  return Buffer.from(tight, 'base64');
}

/** The text of a file in UTF-8. @throws ConnectorError FILE_CONTENT_INVALID */
function toText(content: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new ConnectorError(
      'FILE_CONTENT_INVALID',
      `${path} is ${isGzip(content) ? 'compressed with gzip, and ' : ''}not text in UTF-8; read it with LoadBinary.`,
    );
  }
}

function isGzip(content: Buffer): boolean {
  return content[0] === 0x1f && content[1] === 0x8b;
}

/** JSON that ThingWorx can hold. @throws ConnectorError FILE_CONTENT_INVALID */
function parseJson(text: string, path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConnectorError('FILE_CONTENT_INVALID', `${path} does not contain JSON.`);
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new ConnectorError(
    'FILE_CONTENT_INVALID',
    `${path} contains a single JSON value; ThingWorx supports objects and arrays only. Read it with LoadText.`,
  );
}

/** Requires well-formed XML and returns it. @throws ConnectorError FILE_CONTENT_INVALID */
function checkXml(text: string, path: string): string {
  const found = XMLValidator.validate(text);
  if (found === true) return text;
  throw new ConnectorError(
    'FILE_CONTENT_INVALID',
    `${path} does not contain XML: line ${found.err.line}: ${found.err.msg}`,
  );
}
