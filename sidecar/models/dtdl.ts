import { isDtmi } from '../lib/dtmi.ts';
import { isPlainObject } from '../translate/coerce/structure.ts';
import {
  type Element,
  elements,
  kindsOf,
  listOf,
  nameOf,
  nameProblem,
  text,
  wordOf,
} from './dtdl-element.ts';
import { SchemaReader } from './dtdl-schema.ts';
import type { Command, Component, Content, Field, Interface, ModelDocument } from './model.ts';
import type { Problems } from './problems.ts';

const CONTEXT = /^dtmi:dtdl:context;(\d+)(?:#.*)?$/;
const VERSIONS = ['2', '3'];

/** Whether a document says that it is DTDL, or looks like it. */
export function isDtdl(content: unknown): boolean {
  return isPlainObject(content) && ('@context' in content || '@id' in content || '@type' in content);
}

interface Found {
  readonly element: Element;
  readonly place: string;
}

/**
 * Reads interfaces in DTDL version 2 and 3: what becomes something in ThingWorx. Members of extensions of the language are taken as far as they
 * say something that ThingWorx can show, and are otherwise passed over.
 */
export class DtdlReader {
  readonly #problems: Problems;
  readonly #found = new Map<string, Found>();
  readonly #named = new Map<string, Element>();
  readonly #schemas: SchemaReader;

  constructor(problems: Problems) {
    this.#problems = problems;
    this.#schemas = new SchemaReader(problems, this.#named);
  }

  /** Takes an interface and those that stand within it. */
  add({ name, content }: ModelDocument): void {
    if (!isPlainObject(content)) return;
    this.#checkContext(content, name);
    this.#take(content, name);
  }

  /** The interfaces of all documents, by id. */
  interfaces(): Map<string, Interface> {
    return new Map([...this.#found].map(([id, found]) => [id, this.#interface(id, found)]));
  }

  #checkContext(element: Element, place: string): void {
    const contexts = listOf(element['@context']).filter((item) => typeof item === 'string');
    const versions = contexts.flatMap((item) => CONTEXT.exec(item)?.[1] ?? []);
    const [version] = versions;
    if (version !== undefined && VERSIONS.includes(version)) return;
    const given =
      version === undefined ? JSON.stringify(element['@context'] ?? null) : `version ${version} of DTDL`;
    this.#problems.add(
      place,
      `@context is ${given}; expected dtmi:dtdl:context;2 or dtmi:dtdl:context;3, the versions of DTDL that are read.`,
    );
  }

  #take(element: Element, place: string): string | undefined {
    const id = element['@id'];
    if (!isDtmi(id)) {
      this.#problems.add(
        place,
        `@id is ${JSON.stringify(id ?? null)}; expected a DTMI such as dtmi:com:example:Pump;1.`,
      );
      return undefined;
    }
    if (!kindsOf(element).includes('Interface')) {
      this.#problems.add(
        place,
        `${id} has the type ${kindsOf(element).join(', ') || 'none'}; expected Interface.`,
      );
      return undefined;
    }
    const other = this.#found.get(id);
    if (other !== undefined) {
      if (JSON.stringify(other.element) !== JSON.stringify(element))
        this.#problems.add(place, `${id} is defined in ${other.place}, too, and otherwise.`);
      return id;
    }
    this.#found.set(id, { element, place });
    this.#nameSchemas(element);
    for (const base of elements(element['extends'])) if ('@type' in base) this.#take(base, place);
    for (const content of elements(element['contents'])) {
      if (!kindsOf(content).includes('Component')) continue;
      for (const schema of elements(content['schema'])) if ('@type' in schema) this.#take(schema, place);
    }
    return id;
  }

  /** Every schema with an id may be referred to, wherever it stands. */
  #nameSchemas(element: Element): void {
    for (const [key, value] of Object.entries(element)) {
      if (key === '@context' || key === 'extends') continue;
      for (const inner of elements(value)) {
        const id = wordOf(inner['@id']);
        if (
          id !== undefined &&
          kindsOf(inner).some((kind) => ['Enum', 'Object', 'Array', 'Map'].includes(kind))
        )
          this.#named.set(id, inner);
        if (!kindsOf(inner).includes('Interface')) this.#nameSchemas(inner);
      }
    }
  }

  #interface(id: string, { element }: Found): Interface {
    const contents: Content[] = [];
    for (const content of elements(element['contents'])) {
      const read = this.#content(content, id);
      if (read === undefined) continue;
      if (contents.some(({ name }) => name === read.name))
        this.#problems.add(id, `Two contents have the name ${read.name}.`);
      else contents.push(read);
    }
    return {
      id,
      title: text(element['displayName']),
      description: text(element['description']),
      bases: this.#references(element['extends'], `${id} extends`),
      contents,
    };
  }

  #references(value: unknown, place: string): string[] {
    return listOf(value).flatMap((item) => {
      const id = isPlainObject(item) ? item['@id'] : item;
      if (isDtmi(id)) return [id];
      this.#problems.add(place, `${JSON.stringify(id ?? null)} is no id of an interface; expected a DTMI.`);
      return [];
    });
  }

  #content(element: Element, id: string): Content | undefined {
    const kinds = kindsOf(element);
    if (kinds.includes('Telemetry')) {
      const field = this.#schemas.field(element, id);
      return field && { kind: 'telemetry', ...field, isEvent: kinds.includes('Event') };
    }
    if (kinds.includes('Property')) {
      const field = this.#schemas.field(element, id);
      return field && { kind: 'property', ...field, isWritable: element['writable'] === true };
    }
    const name = nameOf(element);
    const wrong = nameProblem(name);
    if (wrong !== undefined) {
      this.#problems.add(id, wrong);
      return undefined;
    }
    if (kinds.includes('Command')) return this.#command(element, name, `${id} ${name}`);
    if (kinds.includes('Component')) return this.#component(element, name, `${id} ${name}`);
    if (kinds.includes('Relationship')) {
      this.#problems.note(id, `The relationship ${name} has no counterpart on a device and is left out.`);
      return undefined;
    }
    this.#problems.add(
      `${id} ${name}`,
      `@type is ${JSON.stringify(element['@type'] ?? null)}; expected Telemetry, Property, Command, Component or Relationship.`,
    );
    return undefined;
  }

  #command(element: Element, name: string, place: string): Command {
    const payload = (member: 'request' | 'response'): { field: Field; isOptional: boolean } | undefined => {
      const [given] = elements(element[member]);
      if (given === undefined) return undefined;
      const field = this.#schemas.field({ name: member, ...given }, `${place} ${member}`);
      return field && { field, isOptional: given['nullable'] === true };
    };
    const request = payload('request');
    const response = payload('response');
    return {
      kind: 'command',
      name,
      title: text(element['displayName']),
      description: text(element['description']),
      ...(request === undefined ? {} : { request: { ...request.field, isOptional: request.isOptional } }),
      ...(response === undefined ? {} : { response: response.field }),
    };
  }

  #component(element: Element, name: string, place: string): Component | undefined {
    const [interfaceId] = this.#references(element['schema'], place);
    if (interfaceId === undefined) return undefined;
    return {
      kind: 'component',
      name,
      title: text(element['displayName']),
      description: text(element['description']),
      interfaceId,
    };
  }
}
