import { XMLValidator } from 'fast-xml-parser';
import Type from 'typebox';
import { DateTime } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';

/** JSON as ThingWorx can hold it. @throws ConnectorError FILE_CONTENT_INVALID */
export function parseJson(text: string, file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConnectorError('FILE_CONTENT_INVALID', `${file} does not hold JSON.`);
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new ConnectorError(
    'FILE_CONTENT_INVALID',
    `${file} holds a single JSON value; ThingWorx knows objects and arrays only. Read it with LoadText.`,
  );
}

/** The text, when it is XML. @throws ConnectorError FILE_CONTENT_INVALID */
export function checkXml(text: string, file: string): string {
  const found = XMLValidator.validate(text);
  if (found === true) return text;
  throw new ConnectorError(
    'FILE_CONTENT_INVALID',
    `${file} does not hold XML: line ${found.err.line}: ${found.err.msg}`,
  );
}

/** The path of a name in the folder of a file. @throws ConnectorError PATH_INVALID for a name with a slash */
export function siblingPath(path: string, name: string): string {
  if (name.includes('/')) {
    throw new ConnectorError(
      'PATH_INVALID',
      `The name ${JSON.stringify(name)} is not possible: a name has no slash.`,
    );
  }
  return `${path.slice(0, path.lastIndexOf('/') + 1)}${name}`;
}

/** A name in a folder. */
export function joinPath(folder: string | undefined, name: string): string {
  const parent = (folder ?? '').replace(/\/$/, '');
  return `${parent}/${name.replace(/^\//, '')}`;
}

/** An object whose values are all texts. @throws ConnectorError REQUEST_INVALID */
export function texts(given: Readonly<Record<string, unknown>>, member: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (typeof value !== 'object' && value !== undefined) return [name, String(value)];
      throw new ConnectorError('REQUEST_INVALID', `${member}.${name} is no text; expected a text.`);
    }),
  );
}

export const ContainerRow = Type.Object(
  {
    name: Type.String({ description: 'The name of the container.' }),
    lastModified: DateTime({ description: 'When it or its settings were changed last.' }),
  },
  { description: 'One container in a list.' },
);

export const SnapshotRow = Type.Object(
  {
    snapshot: Type.String({ description: 'The time that names the snapshot.' }),
    size: Type.Integer({ minimum: 0, description: 'The size in bytes.' }),
    lastModified: DateTime({ description: 'When the file had been changed last.' }),
  },
  { description: 'One snapshot of a file.' },
);
