import type { FieldDefinition } from '../infotable.ts';
import type { EntityCollection, EntityDefinition, EntityReference } from '../script-platform.ts';
import type { Channel } from './channel.ts';

/** What a worker knows of the platform's entities, kept until the platform's revision changes. */
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
    return this.cached(this.definitions, id, () => this.channel.request('definition', null, [id]));
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
      this.definitions.clear();
      this.shapes.clear();
      // Last: a script may run out of stack in any of these calls, and what is left then must not pass for fresh.
      this.revision = this.channel.revision;
    }
  }
}
