import {
  type Collection,
  type DesignTimeRight,
  type Entity,
  emptyDefinitions,
  entityHead,
  type ThingEntity,
} from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import { PlatformError, type PlatformValue, type Tag } from '../values.ts';

/** Who asks for a change of the model. */
export interface Changer {
  platform: Platform;
  principal: string;
  nested: boolean;
}

/** Design-time right, for the user or, inside a script, the System user. */
export function mayDesign(changer: Changer, entity: Entity, right: DesignTimeRight): boolean {
  const { permissions, switches } = changer.platform;
  if (changer.nested && switches.nestedRights !== 'caller') {
    if (switches.nestedRights === 'unchecked' || permissions.allowsDesign(entity, right, 'System')) {
      return true;
    }
  }
  return permissions.allowsDesign(entity, right, changer.principal);
}

/**
 * Throws unless the change is allowed. Entities of an extension cannot be changed, except where the extension says that
 * they may be edited; their permissions can.
 */
export function requireDesign(
  changer: Changer,
  entity: Entity,
  right: DesignTimeRight,
  options: { stateOnly?: boolean } = {},
): void {
  if (
    right === 'Update' &&
    options.stateOnly !== true &&
    (entity.isSystemObject ||
      (entity.extension !== '' && entity.attributes['aspect.isEditableExtensionObject'] !== 'true'))
  ) {
    const owner = entity.isSystemObject ? 'the platform' : `extension [${entity.extension}]`;
    throw new PlatformError(`Entity [${entity.name}] is part of ${owner} and cannot be changed`);
  }
  if (!mayDesign(changer, entity, right)) {
    throw new PlatformError(`Not authorized for ${right} on ${entity.collection} ${entity.name}`, {
      status: changer.platform.switches.forbiddenStatus,
    });
  }
}

export function requireCreate(changer: Changer, collection: Collection): void {
  const { permissions, switches } = changer.platform;
  const users = [changer.principal];
  if (changer.nested && switches.nestedRights !== 'caller') {
    users.push(switches.nestedRights === 'unchecked' ? 'SuperUser' : 'System');
  }
  if (!users.some((user) => permissions.allowsCreate(collection, user))) {
    throw new PlatformError(`Not authorized for Create on ${collection}`, {
      status: switches.forbiddenStatus,
    });
  }
}

/** Characters that entity names may not have. */
const forbiddenInNames = /[\s&:/+?#%"'<>\\]/;

export function requireNewName(platform: Platform, collection: Collection, name: string): void {
  if (name === '') {
    throw new PlatformError(`A name is required to create an entity in ${collection}`);
  }
  if (forbiddenInNames.test(name)) {
    throw new PlatformError(`Invalid name [${name}]`);
  }
  if (platform.store.has(collection, name)) {
    throw new PlatformError(`An entity with the name [${name}] already exists in ${collection}`);
  }
}

export function requireProject(platform: Platform, projectName: string): string {
  if (projectName !== '' && !platform.store.has('Projects', projectName)) {
    throw new PlatformError(`Project [${projectName}] does not exist`);
  }
  return projectName || 'PTCDefaultProject';
}

export function tagText(tags: PlatformValue): string {
  return Array.isArray(tags)
    ? (tags as Tag[]).map((tag) => `${tag.vocabulary}:${tag.vocabularyTerm}`).join(';')
    : '';
}

export interface NewThing {
  name: string;
  description: string;
  thingTemplate: string;
  projectName: string;
  tags: PlatformValue;
  owner: string;
}

/** A created Thing is disabled until EnableThing and RestartThing. */
export function createThing(changer: Changer, given: NewThing): ThingEntity {
  const { platform } = changer;
  requireCreate(changer, 'Things');
  requireNewName(platform, 'Things', given.name);
  if (!platform.store.has('ThingTemplates', given.thingTemplate)) {
    throw new PlatformError(`Unable to find ThingTemplate [${given.thingTemplate}]`, { status: 404 });
  }
  if (given.owner !== '' && given.owner !== changer.principal) {
    platform.permissions.requireAdministrator(changer.principal, 'another owner than the own user');
  }
  const thing: ThingEntity = {
    ...entityHead(given.name, {
      description: given.description,
      projectName: requireProject(platform, given.projectName),
      tags: tagText(given.tags),
      owner: given.owner || changer.principal,
    }),
    collection: 'Things',
    definitions: emptyDefinitions(),
    bindings: [],
    thingTemplate: given.thingTemplate,
    implementedShapes: [],
    valueStream: '',
    identifier: '',
    enabled: false,
    published: false,
  };
  platform.store.put(thing);
  return thing;
}

/** Deletes an entity that the caller may delete, unless others need it. */
export function deleteEntity(changer: Changer, collection: Collection, name: string): void {
  const { platform } = changer;
  const entity = platform.visible(collection, name, changer.principal);
  requireDesign(changer, entity, 'Delete');
  if (entity.isSystemObject) {
    throw new PlatformError(`System object [${name}] cannot be deleted`);
  }
  if (entity.extension !== '') {
    throw new PlatformError(
      `Entity [${name}] belongs to extension [${entity.extension}] and cannot be deleted`,
    );
  }
  requireUnused(platform, entity);
  removeEntity(platform, entity);
}

export function requireUnused(
  platform: Platform,
  entity: Entity,
  except: ReadonlySet<string> = new Set(),
): void {
  const users = usersOf(platform, entity).filter((user) => !except.has(`${user.collection}/${user.name}`));
  if (users.length > 0) {
    const names = users.slice(0, 10).map((user) => user.name);
    throw new PlatformError(`Entity [${entity.name}] is in use by [${names.join(', ')}]`);
  }
}

/** Entities that cannot be without this one. */
export function usersOf(platform: Platform, entity: Entity): Entity[] {
  const found: Entity[] = [];
  if (entity.collection === 'ThingTemplates') {
    found.push(...platform.store.all('Things').filter((thing) => thing.thingTemplate === entity.name));
    found.push(
      ...platform.store.all('ThingTemplates').filter((one) => one.baseThingTemplate === entity.name),
    );
  } else if (entity.collection === 'ThingShapes') {
    const implementers = [...platform.store.all('Things'), ...platform.store.all('ThingTemplates')];
    found.push(...implementers.filter((one) => one.implementedShapes.includes(entity.name)));
  }
  return found;
}

/** Removes an entity with what hangs on it, without asking. */
export function removeEntity(platform: Platform, entity: Entity): void {
  platform.store.remove(entity.collection, entity.name);
  if (entity.collection === 'Things') {
    platform.history.dropThing(entity.name);
    platform.history.dropStream(entity.name);
  } else if (entity.collection === 'Users') {
    for (const key of platform.store.all('ApplicationKeys')) {
      if (key.userNameReference === entity.name) {
        platform.store.remove('ApplicationKeys', key.name);
      }
    }
  }
}
