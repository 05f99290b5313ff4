import { DtdlReader, isDtdl } from './dtdl.ts';
import type { Component, Content, Interface, ModelDocument } from './model.ts';
import { Problems } from './problems.ts';
import { readShortForm } from './short-form.ts';

/** More than any known model has; a document that has more is no model of a device. */
const MAX_INTERFACES = 2_000;
/** Levels of JSON; far more than models have, and far fewer than a recursion can take. */
const MAX_LEVELS = 200;

/** A component with all that its interface has. */
interface ComponentContents {
  readonly component: Component;
  readonly interfaceId: string;
  readonly contents: readonly OwnContent[];
}

export type OwnContent = Exclude<Content, Component>;

/** Interfaces that refer to nothing that is not among them. */
export class Models {
  readonly #interfaces: ReadonlyMap<string, Interface>;
  readonly problems: Problems;

  /** @throws ConnectorError MODEL_INVALID that names every problem */
  constructor(documents: readonly ModelDocument[]) {
    this.problems = new Problems();
    this.#interfaces = readInterfaces(documents, this.problems);
    this.problems.throwIfAny();
    this.#checkReferences();
    this.problems.throwIfAny();
  }

  require(id: string): Interface {
    return this.#interfaces.get(id) as Interface;
  }

  has(id: string): boolean {
    return this.#interfaces.has(id);
  }

  /** The interfaces that are no component and no base of another: those of devices. */
  roots(): string[] {
    const used = new Set(
      [...this.#interfaces.values()].flatMap((item) => [...item.bases, ...componentsOf(item)]),
    );
    return [...this.#interfaces.keys()].filter((id) => !used.has(id));
  }

  /** An interface and those that it extends, the bases first. */
  lineage(id: string): readonly Interface[] {
    const found = new Map<string, Interface>();
    const visit = (name: string): void => {
      if (found.has(name)) return;
      const item = this.require(name);
      for (const base of item.bases) visit(base);
      found.set(name, item);
    };
    visit(id);
    return [...found.values()];
  }

  /** What an interface has itself, apart from its components. */
  ownContents(id: string): readonly OwnContent[] {
    return this.require(id).contents.filter((content) => content.kind !== 'component');
  }

  /** The components of an interface, with all that theirs have. */
  components(id: string): readonly ComponentContents[] {
    const components = this.require(id).contents.filter((content) => content.kind === 'component');
    return components.map((component) => ({
      component,
      interfaceId: component.interfaceId,
      contents: this.lineage(component.interfaceId).flatMap((item) => this.#contentsInside(item, component)),
    }));
  }

  /** A message names one component: those within components cannot be told from others. */
  #contentsInside(item: Interface, { name }: Component): readonly OwnContent[] {
    for (const inner of componentsOf(item))
      this.problems.note(
        item.id,
        `It is the component ${name} of another interface; its own component ${inner} is left out.`,
      );
    return this.ownContents(item.id);
  }

  #checkReferences(): void {
    for (const { id, bases, contents } of this.#interfaces.values()) {
      const components = contents.filter((content) => content.kind === 'component');
      for (const other of new Set([...bases, ...components.map(({ interfaceId }) => interfaceId)])) {
        if (!this.#interfaces.has(other))
          this.problems.add(
            id,
            `It refers to ${other}, which is in no document; expected its interface, too.`,
          );
      }
    }
    this.problems.throwIfAny();
    const checked = new Set<string>();
    for (const id of this.#interfaces.keys()) this.#checkCycle(id, new Set(), checked);
    this.problems.throwIfAny();
    for (const id of this.#interfaces.keys()) this.#checkInherited(id);
  }

  /** `path`: those that lead here; `checked`: those that are known to end. */
  #checkCycle(id: string, path: Set<string>, checked: Set<string>): void {
    if (checked.has(id)) return;
    if (path.has(id)) {
      this.problems.add(id, 'It extends itself, by way of others.');
      return;
    }
    path.add(id);
    for (const base of this.require(id).bases) this.#checkCycle(base, path, checked);
    path.delete(id);
    checked.add(id);
  }

  #checkInherited(id: string): void {
    const owners = new Map<string, string>();
    for (const item of this.lineage(id)) {
      for (const { name } of item.contents) {
        const owner = owners.get(name);
        if (owner !== undefined) this.problems.add(id, `${owner} and ${item.id} both have ${name}.`);
        owners.set(name, item.id);
      }
    }
  }
}

function isDeeper(content: unknown, levels: number): boolean {
  if (typeof content !== 'object' || content === null) return false;
  return levels === 0 || Object.values(content).some((inner) => isDeeper(inner, levels - 1));
}

function componentsOf({ contents }: Interface): string[] {
  return contents.flatMap((content) => (content.kind === 'component' ? [content.interfaceId] : []));
}

function readInterfaces(documents: readonly ModelDocument[], problems: Problems): Map<string, Interface> {
  const reader = new DtdlReader(problems);
  const short = new Map<string, Interface>();
  const parts = documents.flatMap(({ name, content }) => {
    if (!Array.isArray(content)) return [{ name, content }];
    return content.map((part: unknown, i): ModelDocument => ({ name: `${name}/${i}`, content: part }));
  });
  if (parts.length <= MAX_INTERFACES)
    for (const part of parts) {
      if (isDeeper(part.content, MAX_LEVELS))
        problems.add(part.name, `The document has more than ${MAX_LEVELS} levels; expected a model.`);
      else if (isDtdl(part.content)) reader.add(part);
      else {
        const found = readShortForm(part, problems);
        if (found === undefined) continue;
        if (short.has(found.id)) problems.add(part.name, `${found.id} is defined twice.`);
        short.set(found.id, found);
      }
    }
  const interfaces = reader.interfaces();
  for (const [id, item] of short) {
    if (interfaces.has(id)) problems.add(id, 'It is defined in DTDL and in the short form.');
    interfaces.set(id, item);
  }
  const count = Math.max(parts.length, interfaces.size);
  if (count > MAX_INTERFACES)
    problems.add('models', `There are ${count} interfaces; expected at most ${MAX_INTERFACES}.`);
  else if (interfaces.size === 0) problems.add('models', 'There is no interface; expected at least one.');
  return interfaces;
}

/** The interfaces to which documents refer and that are in none of them; what else is wrong is passed over. */
export function missingInterfaces(documents: readonly ModelDocument[]): string[] {
  const interfaces = readInterfaces(documents, new Problems());
  const wanted = [...interfaces.values()].flatMap((item) => [...item.bases, ...componentsOf(item)]);
  return [...new Set(wanted)].filter((id) => !interfaces.has(id));
}
