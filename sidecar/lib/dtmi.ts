const SEGMENT = '[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?';
/** DTDL version 2 has whole versions; version 3 also has none, and versions such as 1.2. */
const DTMI = new RegExp(`^dtmi:(${SEGMENT}(?::${SEGMENT})*)(?:;([1-9][0-9]{0,8}(?:\\.[1-9][0-9]{0,5})?))?$`);
const MAX_LENGTH = 128;

export function isDtmi(text: unknown): text is string {
  return typeof text === 'string' && text.length <= MAX_LENGTH && DTMI.test(text);
}

/** A name for entities: `com.example.Pump.1` for `dtmi:com:example:Pump;1`; other names stay as they are. */
export function entityBase(id: string): string {
  const [, path = id, version = ''] = DTMI.exec(id) ?? [];
  return `${path.replaceAll(':', '.')}${version === '' ? '' : `.${version}`}`;
}

/** The Thing Template of the devices of a model. The name follows from the id alone, so that a device finds its template. */
export function templateName(modelId: string): string {
  return `${entityBase(modelId)}_TT`;
}

/** Where a model repository keeps an interface: `dtmi/com/example/pump-1.json`. Undefined for what is no DTMI with a version. */
export function repositoryPath(id: string): string | undefined {
  const [, path, version] = DTMI.exec(id) ?? [];
  if (path === undefined || version === undefined) return undefined;
  return `dtmi/${path.replaceAll(':', '/').toLowerCase()}-${version}.json`;
}
