import { convert } from '../base-types.ts';
import { InfoTable } from '../infotable.ts';
import type { Collection, Entity, ThingEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { describeEntity, metadata } from '../services/describe.ts';
import { createThing, deleteEntity } from '../services/model-changes.ts';
import { entityListRow } from '../services/queries.ts';
import { eventDefinitions, propertyDefinitions, serviceDefinitions } from '../services/thing-metadata.ts';
import { propertyField } from '../services/thing-properties.ts';
import { type JsonObject, PlatformError } from '../values.ts';
import { sendResult, sendTable } from './encode.ts';
import type { Exchange } from './exchange.ts';

export interface EntityRoutesOptions {
  bodyLimitBytes: number;
}

/** `/Thingworx/<Collection>[/<name>[/...]]`. */
export class EntityRoutes {
  private readonly platform: Platform;
  private readonly options: EntityRoutesOptions;

  constructor(platform: Platform, options: EntityRoutesOptions) {
    this.platform = platform;
    this.options = options;
  }

  async handle(exchange: Exchange, collection: Collection): Promise<void> {
    const [, name, characteristic] = exchange.segments;
    if (name === undefined || name === '') {
      await this.collection(exchange, collection);
      return;
    }
    const entity: Entity = this.platform.visible(collection, name, exchange.user);
    switch (characteristic) {
      case undefined:
      case '':
        this.entity(exchange, entity);
        return;
      case 'Properties':
        await this.properties(exchange, entity);
        return;
      case 'Services':
        await this.services(exchange, entity);
        return;
      default:
        this.definitions(exchange, entity, characteristic);
    }
  }

  private async collection(exchange: Exchange, collection: Collection): Promise<void> {
    if (exchange.method === 'GET') {
      const table = this.platform.table('RootEntityList');
      for (const entity of this.platform.store.all(collection)) {
        if (this.platform.permissions.isVisible(entity, exchange.user)) {
          table.rows.push(entityListRow(entity));
        }
      }
      sendTable(exchange, table);
      return;
    }
    if (exchange.method !== 'PUT' || collection !== 'Things') {
      throw methodNotAllowed();
    }
    const body = (await this.readBody(exchange)) as Record<string, unknown>;
    createThing(
      { platform: this.platform, principal: exchange.user, nested: false },
      {
        name: String(body.name ?? ''),
        description: String(body.description ?? ''),
        thingTemplate: String(body.thingTemplate ?? body.thingTemplateName ?? ''),
        projectName: String(body.projectName ?? ''),
        tags: convert(body.tags ?? null, 'TAGS'),
        owner: '',
      },
    );
    exchange.sendNothing();
  }

  private entity(exchange: Exchange, entity: Entity): void {
    const { permissions } = this.platform;
    if (exchange.method === 'GET') {
      // The run time reads mashups by this address for users who have no more than visibility.
      if (entity.collection !== 'Mashups') {
        permissions.requireDesign(entity, 'Read', exchange.user);
      }
      exchange.sendJson(describeEntity(this.platform, entity, exchange.user));
      return;
    }
    if (exchange.method !== 'DELETE') {
      throw methodNotAllowed();
    }
    if (entity.collection !== 'Things') {
      if (exchange.loginMethod === 'appKey') {
        throw new PlatformError('An application key is not enough to delete this entity', {
          status: this.platform.switches.forbiddenStatus,
        });
      }
      // Without the types in the URL the platform fails.
      if (!exchange.query.has('Accept') || !exchange.query.has('Content-Type')) {
        throw new PlatformError('Internal Error', { status: 500 });
      }
    }
    deleteEntity(
      { platform: this.platform, principal: exchange.user, nested: false },
      entity.collection,
      entity.name,
    );
    exchange.sendNothing();
  }

  private async properties(exchange: Exchange, entity: Entity): Promise<void> {
    if (entity.collection !== 'Things') {
      throw new PlatformError(`${entity.collection} have no properties`, { status: 404 });
    }
    const name = exchange.segments[3] ?? '';
    if (exchange.method === 'GET') {
      this.readProperties(exchange, entity, name);
      return;
    }
    if (exchange.method !== 'PUT') {
      throw methodNotAllowed();
    }
    const body = await this.readBody(exchange);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new PlatformError('A JSON object is expected', { status: 400 });
    }
    const values = body as Record<string, unknown>;
    const names = name === '*' || name === '' ? Object.keys(values) : [name];
    for (const one of names) {
      this.platform.properties.definition(entity, one);
      this.platform.permissions.require(entity, 'PropertyWrite', one, exchange.user, false);
      if (!Object.hasOwn(values, one)) {
        throw new PlatformError(`No value for property [${one}] in the request`, { status: 400 });
      }
    }
    for (const one of names) {
      this.platform.properties.write(entity, one, values[one], { principal: exchange.user });
    }
    exchange.sendNothing();
  }

  private readProperties(exchange: Exchange, thing: ThingEntity, name: string): void {
    const { platform } = this;
    const effective = platform.inheritance.thing(thing).properties;
    let chosen = [...effective.values()].map((one) => one.property);
    if (name !== '' && name !== '*') {
      platform.properties.definition(thing, name);
      platform.permissions.require(thing, 'PropertyRead', name, exchange.user, false);
      chosen = chosen.filter((property) => property.name === name);
    } else {
      chosen = chosen.filter((property) =>
        platform.permissions.allows(thing, 'PropertyRead', property.name, exchange.user),
      );
    }
    platform.properties.requireRunning(thing);
    const table = new InfoTable(chosen.map(propertyField), [{}]);
    for (const property of chosen) {
      const { value } = platform.properties.readKnown(thing, property);
      const row = table.rows[0];
      if (value !== null && row !== undefined) {
        row[property.name] = value;
      }
    }
    sendTable(exchange, table);
  }

  private async services(exchange: Exchange, entity: Entity): Promise<void> {
    const service = exchange.segments[3];
    if (service === undefined || service === '') {
      this.definitions(exchange, entity, 'ServiceDefinitions');
      return;
    }
    if (exchange.method !== 'POST') {
      throw methodNotAllowed();
    }
    const input = await this.readBody(exchange);
    const { value, result } = await this.platform.services.invoke(entity, service, input, exchange.user);
    sendResult(exchange, value, result);
  }

  private definitions(exchange: Exchange, entity: Entity, characteristic: string): void {
    if (exchange.method !== 'GET') {
      throw methodNotAllowed();
    }
    const name = exchange.segments[3] ?? '';
    if (name !== '') {
      exchange.sendJson(this.definition(entity, characteristic, name));
      return;
    }
    const effective = this.platform.inheritance.entity(entity);
    switch (characteristic) {
      case 'Metadata':
        exchange.sendJson(metadata(this.platform, entity));
        return;
      case 'PropertyDefinitions':
        sendTable(exchange, propertyDefinitions(this.platform, effective));
        return;
      case 'ServiceDefinitions':
        sendTable(exchange, serviceDefinitions(this.platform, effective));
        return;
      case 'EventDefinitions':
        sendTable(exchange, eventDefinitions(this.platform, effective));
        return;
      default:
        throw new PlatformError(`${characteristic} is not available on [${entity.name}]`, { status: 404 });
    }
  }

  /** One definition by its name, as `/Metadata` has it. */
  private definition(entity: Entity, characteristic: string, name: string): JsonObject {
    const kinds: Record<string, string> = {
      PropertyDefinitions: 'propertyDefinitions',
      ServiceDefinitions: 'serviceDefinitions',
      EventDefinitions: 'eventDefinitions',
    };
    const kind = kinds[characteristic];
    const found = kind === undefined ? undefined : metadata(this.platform, entity)[kind];
    const definitions = (found ?? {}) as Record<string, JsonObject>;
    if (!Object.hasOwn(definitions, name)) {
      throw new PlatformError(`${characteristic} [${name}] is not available on [${entity.name}]`, {
        status: 404,
      });
    }
    return definitions[name] as JsonObject;
  }

  /** The body of a POST or PUT. Without a JSON content type the platform refuses with 403. */
  private async readBody(exchange: Exchange): Promise<unknown> {
    if (exchange.contentType !== 'application/json') {
      throw new PlatformError(`Content-Type [${exchange.contentType}] is not supported`, { status: 403 });
    }
    return exchange.json(this.options.bodyLimitBytes);
  }
}

export function methodNotAllowed(): PlatformError {
  return new PlatformError('Not Allowed', { status: 405 });
}
