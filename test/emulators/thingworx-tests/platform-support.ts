import { ZipArchive } from 'archiver';
import { startThingworx, type ThingworxEmulator, type ThingworxOptions } from '../thingworx/emulator.ts';

/** Answer of the platform: status, headers, text, and the parsed body when it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many forms
  json: any;
}

export interface CallOptions {
  headers?: Record<string, string>;
  /** Leaves the application key out. */
  anonymous?: boolean;
  key?: string;
}

/** A REST client with the habits of the platform's clients. */
export class Client {
  readonly emulator: ThingworxEmulator;

  constructor(emulator: ThingworxEmulator) {
    this.emulator = emulator;
  }

  async call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const response = await fetch(`${this.emulator.url}/Thingworx${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(options.anonymous === true ? {} : { appKey: options.key ?? this.emulator.appKey }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return readAnswer(response);
  }

  get(path: string, options?: CallOptions): Promise<Answer> {
    return this.call('GET', path, undefined, options);
  }

  /** Calls a service: `Things/T/Services/S` is written as `service('Things/T', 'S', {...})`. */
  service(entity: string, service: string, input: unknown = {}, options?: CallOptions): Promise<Answer> {
    return this.call('POST', `/${entity}/Services/${service}`, input, options);
  }

  /** Calls a service that must succeed; answers its `result`, table or JSON. */
  async result(entity: string, service: string, input: unknown = {}, options?: CallOptions) {
    const answer = await this.service(entity, service, input, options);
    if (answer.status !== 200) {
      throw new Error(`${entity} ${service}: ${answer.status} ${answer.text}`);
    }
    const rows = answer.json?.rows;
    return Array.isArray(rows) && rows.length === 1 && 'result' in rows[0] ? rows[0].result : answer.json;
  }

  async thing(
    name: string,
    template = 'GenericThing',
    properties: Record<string, unknown>[] = [],
  ): Promise<void> {
    await this.result('Resources/EntityServices', 'CreateThing', { name, thingTemplateName: template });
    for (const property of properties) {
      await this.result(`Things/${name}`, 'AddPropertyDefinition', property);
    }
    await this.result(`Things/${name}`, 'EnableThing');
    await this.result(`Things/${name}`, 'RestartThing');
  }

  async read(thing: string, property: string, options?: CallOptions) {
    const answer = await this.get(`/Things/${thing}/Properties/${property}`, options);
    return answer.json?.rows?.[0]?.[property];
  }

  write(thing: string, values: Record<string, unknown>, options?: CallOptions): Promise<Answer> {
    return this.call('PUT', `/Things/${thing}/Properties/*`, values, options);
  }

  async upload(
    zip: Buffer,
    query = 'purpose=import&validate=false',
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(zip)]), 'extension.zip');
    const response = await fetch(`${this.emulator.url}/Thingworx/ExtensionPackageUploader?${query}`, {
      method: 'POST',
      headers: { accept: 'application/json', appKey: this.emulator.appKey, 'x-xsrf-token': 'x', ...headers },
      body: form,
    });
    return readAnswer(response);
  }

  /** Plain import, with the Administrator's password. */
  async importXml(xml: string, query = 'purpose=import'): Promise<Answer> {
    const form = new FormData();
    form.append('file', new Blob([xml]), 'Entities.xml');
    const response = await fetch(`${this.emulator.url}/Thingworx/Importer?${query}`, {
      method: 'POST',
      headers: { ...this.basic(), 'x-xsrf-token': 'x', 'x-requested-with': 'XMLHttpRequest' },
      body: form,
    });
    return readAnswer(response);
  }

  basic(name = this.emulator.administrator.name, password = this.emulator.administrator.password) {
    return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
  }

  async control(method: string, path: string, body?: unknown) {
    const response = await fetch(`${this.emulator.controlUrl}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: as above
    return (await response.json()) as any;
  }

  /** Contents of a log, newest first. */
  async log(name: string): Promise<string[]> {
    const table = await this.result(`Logs/${name}`, 'QueryLogEntries', { maxItems: 1000 });
    return table.rows.map((row: { content: string }) => row.content);
  }
}

async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  let json: unknown;
  if (response.headers.get('content-type')?.startsWith('application/json') && text !== '') {
    json = JSON.parse(text);
  }
  return { status: response.status, headers: response.headers, text, json };
}

export async function withPlatform(
  options: ThingworxOptions,
  use: (client: Client, emulator: ThingworxEmulator) => Promise<void>,
): Promise<void> {
  const emulator = await startThingworx(options);
  try {
    await use(new Client(emulator), emulator);
  } finally {
    await emulator.stop();
  }
}

/** Waits for a condition; fails after a generous time. */
export async function until<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`Waited in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A zip with the given files. */
export async function zip(files: Record<string, string | Buffer>): Promise<Buffer> {
  const archive = new ZipArchive();
  const chunks: Buffer[] = [];
  archive.on('data', (chunk: Buffer) => chunks.push(chunk));
  const done = new Promise<void>((resolve, reject) => {
    archive.on('end', resolve);
    archive.on('error', reject);
  });
  for (const [name, content] of Object.entries(files)) {
    archive.append(content, { name });
  }
  await archive.finalize();
  await done;
  return Buffer.concat(chunks);
}

export function metadata(name: string, version: string, more = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Entities><ExtensionPackages><ExtensionPackage name="${name}" packageVersion="${version}" minimumThingWorxVersion="9.0.0" vendor="Test" description="" haCompatible="true" dependsOn="" ${more}/></ExtensionPackages></Entities>`;
}

export function entities(xml: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Entities>${xml}</Entities>`;
}

export interface ServiceXml {
  name: string;
  code: string;
  result?: string;
  /** `<FieldDefinition .../>` elements. */
  parameters?: string;
  attributes?: string;
}

/** The six blocks of a shape with the given parts. */
export function shapeBlocks(parts: {
  properties?: string;
  services?: ServiceXml[];
  events?: string;
  subscriptions?: string;
}): string {
  const services = parts.services ?? [];
  const definitions = services.map(
    ({ name, result = 'NOTHING', parameters = '', attributes = '' }) =>
      `<ServiceDefinition aspect.isAsync="false" category="" description="" isAllowOverride="false" isLocalOnly="false" isOpen="false" isPrivate="false" name="${name}" ${attributes}><ResultType baseType="${result}" description="" name="result" ordinal="0"/><ParameterDefinitions>${parameters}</ParameterDefinitions></ServiceDefinition>`,
  );
  const implementations = services.map(({ name, code }) => implementation(name, code));
  return `<PropertyDefinitions>${parts.properties ?? ''}</PropertyDefinitions><ServiceDefinitions>${definitions.join('')}</ServiceDefinitions><EventDefinitions>${parts.events ?? ''}</EventDefinitions><ServiceMappings/><ServiceImplementations>${implementations.join('')}</ServiceImplementations><Subscriptions>${parts.subscriptions ?? ''}</Subscriptions>`;
}

export function implementation(name: string, code: string): string {
  return `<ServiceImplementation description="" handlerName="Script" name="${name}"><ConfigurationTables><ConfigurationTable dataShapeName="" description="" isMultiRow="false" name="Script" ordinal="0"><DataShape><FieldDefinitions><FieldDefinition baseType="STRING" description="code" name="code" ordinal="0"/></FieldDefinitions></DataShape><Rows><Row><code><![CDATA[${code}]]></code></Row></Rows></ConfigurationTable></ConfigurationTables></ServiceImplementation>`;
}

/** Old-form subscription to an event of the Thing itself. */
export function subscription(eventName: string, code: string, sourceProperty = '', attributes = ''): string {
  return `<Subscription description="" enabled="true" eventName="${eventName}" source="" sourceProperty="${sourceProperty}" sourceType="Thing" ${attributes}>${implementation(`On${eventName}${sourceProperty}`, code)}</Subscription>`;
}

export function property(
  name: string,
  baseType: string,
  aspects: Record<string, string | boolean> = {},
): string {
  const written = Object.entries(aspects).map(([key, value]) => `aspect.${key}="${value}"`);
  return `<PropertyDefinition aspect.cacheTime="0.0" ${written.join(' ')} baseType="${baseType}" category="" description="" isLocalOnly="false" name="${name}" ordinal="1"/>`;
}

export function field(name: string, baseType: string, more = ''): string {
  return `<FieldDefinition ${more} baseType="${baseType}" description="" name="${name}" ordinal="1"/>`;
}

export function template(name: string, blocks: string, more = '', attributes = ''): string {
  return `<ThingTemplates><ThingTemplate baseThingTemplate="GenericThing" description="" effectiveThingPackage="ConfiguredThing" name="${name}" projectName="" tags="" thingPackage="" valueStream="" ${attributes}><ThingShape>${blocks}</ThingShape>${more}</ThingTemplate></ThingTemplates>`;
}

export function shape(name: string, blocks: string, more = ''): string {
  return `<ThingShapes><ThingShape description="" name="${name}" projectName="" tags="">${blocks}${more}</ThingShape></ThingShapes>`;
}

export function thing(
  name: string,
  thingTemplate: string,
  blocks = shapeBlocks({}),
  more = '',
  attributes = '',
): string {
  return `<Things><Thing description="" enabled="true" name="${name}" projectName="" published="false" tags="" thingTemplate="${thingTemplate}" ${attributes}><ThingShape>${blocks}</ThingShape>${more}</Thing></Things>`;
}

export const namedVtqShape = {
  fieldDefinitions: {
    name: { name: 'name', baseType: 'STRING', aspects: { isPrimaryKey: true }, ordinal: 0 },
    time: { name: 'time', baseType: 'DATETIME', aspects: {}, ordinal: 1 },
    value: { name: 'value', baseType: 'VARIANT', aspects: {}, ordinal: 2 },
    quality: { name: 'quality', baseType: 'STRING', aspects: {}, ordinal: 3 },
  },
};

/** Parameter of UpdatePropertyValues. */
export function updates(rows: unknown[]): { values: { dataShape: unknown; rows: unknown[] } } {
  return { values: { dataShape: namedVtqShape, rows } };
}
