import type { FieldDefinition } from '../infotable.ts';
import type {
  DefinitionPart,
  EntityCollection,
  EntityDefinition,
  EntityReference,
} from '../script-platform.ts';
import type { Channel } from './channel.ts';

/** Definitions of templates are few; Things with definitions of their own can be many, and some 100 KB each. */
const mostDefinitions = 200;

/** What a worker knows of the platform's entities: who they are until the platform's revision changes, what they have by its id. */
export class Directory {
  private readonly channel: Channel;
  private revision = -1;
  private readonly entities = new Map<string, EntityReference | null>();
  private readonly definitions = new Map<string, EntityDefinition>();
  private readonly shapes = new Map<string, FieldDefinition[] | null>();

  constructor(channel: Channel) {
    this.channel = channel;
  }

  find(collection: EntityCollection, name: string, principal: string): EntityReference | null {
    const key = `${collection}\n${principal}\n${name}`;
    return this.cached(this.entities, key, () =>
      this.channel.request('findEntity', null, [collection, name, principal]),
    );
  }

  definition(id: string): EntityDefinition {
    const known = this.definitions.get(id);
    if (known !== undefined) {
      return known;
    }
    const { base, ...own } = this.channel.request('definition', null, [id]) as DefinitionPart;
    const definition = base === undefined ? own : extend(this.definition(base), own);
    if (this.definitions.size >= mostDefinitions) {
      this.definitions.clear();
    }
    this.definitions.set(id, definition);
    return definition;
  }

  dataShapeFields(name: string): FieldDefinition[] | undefined {
    return (
      this.cached(this.shapes, name, () => this.channel.request('dataShapeFields', null, [name])) ?? undefined
    );
  }

  private cached<T>(cache: Map<string, T>, key: string, ask: () => unknown): T {
    this.refresh();
    const known = cache.get(key);
    if (known !== undefined) {
      return known;
    }
    const answer = ask() as T;
    this.refresh();
    cache.set(key, answer);
    return answer;
  }

  private refresh(): void {
    if (this.revision !== this.channel.revision || this.entities.size > 20_000) {
      this.entities.clear();
      this.shapes.clear();
      // Last: a script may run out of stack in any of these calls, and what is left then must not pass for fresh.
      this.revision = this.channel.revision;
    }
  }
}

function extend(base: EntityDefinition, own: EntityDefinition): EntityDefinition {
  return {
    properties: merge(base.properties, own.properties),
    services: merge(base.services, own.services),
    events: merge(base.events, own.events),
  };
}

/** Without a copy where nothing is added: many Things add a property, and share some hundred services. */
function merge<T>(base: Record<string, T>, own: Record<string, T>): Record<string, T> {
  return Object.keys(own).length === 0 ? base : { ...base, ...own };
}
