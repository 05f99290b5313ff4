import type {
  Collection,
  DesignTimePermissions,
  DesignTimeRight,
  Entity,
  Principal,
  RunTimePermissions,
  RunTimeRight,
} from '../model/entity.ts';
import type { Inheritance } from '../model/inheritance.ts';
import type { EntityStore } from '../model/store.ts';
import type { Switches } from '../switches.ts';
import { PlatformError } from '../values.ts';
import { Membership } from './membership.ts';

/**
 * Who may do what. Administrators may do everything, and an owner everything with the own entity, whatever the permissions
 * say. For everybody else the levels are looked at from near to far: the
 * entity itself, its templates and shapes (instance permissions), its collection. The nearest level that names the user or
 * one of the user's groups decides; within a level an entry for the one property, service or event comes before `*`, and
 * a denial before a permission.
 */
export class Permissions {
  readonly membership: Membership;
  /** Permissions of whole collections. */
  readonly ofCollections = new Map<Collection, RunTimePermissions>();
  readonly designOfCollections = new Map<Collection, DesignTimePermissions>();
  readonly visibilityOfCollections = new Map<Collection, Principal[]>();
  private readonly store: EntityStore;
  private readonly inheritance: Inheritance;
  private readonly switches: Switches;
  private readonly known = new Map<string, boolean>();

  constructor(store: EntityStore, inheritance: Inheritance, switches: Switches) {
    this.store = store;
    this.inheritance = inheritance;
    this.switches = switches;
    this.membership = new Membership(store);
    store.onChange(() => this.known.clear());
  }

  /** Call when collection permissions changed. */
  changed(): void {
    this.known.clear();
  }

  /** The rights on collections, for the journal. */
  collectionRights(): unknown {
    return {
      runTime: this.ofCollections,
      designTime: this.designOfCollections,
      visibility: this.visibilityOfCollections,
    };
  }

  restoreCollections(rights: unknown): void {
    const { runTime, designTime, visibility } = rights as {
      runTime: Map<Collection, RunTimePermissions>;
      designTime: Map<Collection, DesignTimePermissions>;
      visibility: Map<Collection, Principal[]>;
    };
    replace(this.ofCollections, runTime);
    replace(this.designOfCollections, designTime);
    replace(this.visibilityOfCollections, visibility);
    this.changed();
  }

  isAdministrator(user: string): boolean {
    return user === 'SuperUser' || this.membership.groupsOf(user).has('Administrators');
  }

  /** Whether the user can see the entity at all. An entity that cannot be seen is answered as if it did not exist. */
  isVisible(entity: Entity, user: string): boolean {
    // That the System user needs no visibility, and that the platform's own Things are not visible to everybody, is an assumption.
    const isPlatformPart = entity.isSystemObject && entity.collection !== 'Things';
    if (isPlatformPart || user === 'System' || this.mayEverything(entity, user)) {
      return true;
    }
    const key = `visible\n${user}\n${entity.collection}\n${entity.name}`;
    return this.remember(key, () => this.visibilityOf(entity).some((one) => this.reaches(one, user)));
  }

  private visibilityOf(entity: Entity): Principal[] {
    const own = [...entity.visibility, ...(this.visibilityOfCollections.get(entity.collection) ?? [])];
    if (entity.collection !== 'Things') {
      return own;
    }
    const inherited = this.inheritance
      .thing(entity)
      .templates.flatMap((name) => this.store.get('ThingTemplates', name)?.instanceVisibility ?? []);
    return [...own, ...inherited];
  }

  private reaches(principal: Principal, user: string): boolean {
    if (!principal.isPermitted) {
      return false;
    }
    const [organization = '', unit] = principal.name.split(':');
    return principal.type === 'Organization' || principal.type === 'OrganizationalUnit'
      ? this.membership.isInOrganization(user, organization, unit)
      : false;
  }

  private mayEverything(entity: Entity, user: string): boolean {
    return entity.owner === user || this.isAdministrator(user);
  }

  allows(entity: Entity, right: RunTimeRight, resource: string, user: string): boolean {
    if (this.mayEverything(entity, user)) {
      return true;
    }
    const key = `${right}\n${user}\n${entity.collection}\n${entity.name}\n${resource}`;
    return this.remember(key, () => this.decide(entity, right, resource, user));
  }

  private decide(entity: Entity, right: RunTimeRight, resource: string, user: string): boolean {
    if (!this.isVisible(entity, user)) {
      return false;
    }
    for (const level of this.levels(entity)) {
      const verdict = this.verdict(level, right, resource, user);
      if (verdict !== undefined) {
        return verdict;
      }
    }
    return false;
  }

  private *levels(entity: Entity): Generator<RunTimePermissions> {
    yield entity.runTime;
    if (entity.collection === 'Things') {
      yield* this.instanceLevels(entity.implementedShapes);
      for (const name of this.inheritance.thing(entity).templates) {
        const template = this.store.get('ThingTemplates', name);
        if (template !== undefined) {
          yield template.instanceRunTime;
          yield* this.instanceLevels(template.implementedShapes);
        }
      }
    }
    const ofCollection = this.ofCollections.get(entity.collection);
    if (ofCollection !== undefined) {
      yield ofCollection;
    }
    if (entity.collection === 'Resources' && this.switches.functionLibrariesForUsers) {
      yield libraryRights(entity.name);
    }
  }

  private *instanceLevels(shapes: readonly string[]): Generator<RunTimePermissions> {
    for (const name of shapes) {
      const shape = this.store.get('ThingShapes', name);
      if (shape !== undefined) {
        yield shape.instanceRunTime;
      }
    }
  }

  private verdict(
    level: RunTimePermissions,
    right: RunTimeRight,
    resource: string,
    user: string,
  ): boolean | undefined {
    return (
      this.judge(level.get(resource)?.get(right), user) ??
      (resource === '*' ? undefined : this.judge(level.get('*')?.get(right), user))
    );
  }

  private judge(principals: readonly Principal[] | undefined, user: string): boolean | undefined {
    let verdict: boolean | undefined;
    for (const principal of principals ?? []) {
      const applies =
        principal.type === 'User'
          ? principal.name === user
          : this.membership.groupsOf(user).has(principal.name);
      if (applies) {
        if (!principal.isPermitted) {
          return false;
        }
        verdict = true;
      }
    }
    return verdict;
  }

  /** Throws 403 unless the user may; inside a script the System user's right is enough, as the switch says. */
  require(entity: Entity, right: RunTimeRight, resource: string, user: string, nested: boolean): void {
    const mode = this.switches.nestedRights;
    if (nested && mode === 'unchecked') {
      return;
    }
    if (nested && mode === 'callerOrSystem' && this.allows(entity, right, resource, 'System')) {
      return;
    }
    if (!this.allows(entity, right, resource, user)) {
      throw new PlatformError(`Not authorized for ${right} on ${resource} in ${entity.name}`, {
        status: this.switches.forbiddenStatus,
        javaClass: 'com.thingworx.common.exceptions.InvalidRequestException',
      });
    }
  }

  allowsDesign(entity: Entity, right: DesignTimeRight, user: string): boolean {
    if (this.mayEverything(entity, user)) {
      return true;
    }
    const own = this.judge(entity.designTime.get(right), user);
    if (own !== undefined) {
      return own;
    }
    const ofCollection =
      this.judge(this.designOfCollections.get(entity.collection)?.get(right), user) ?? false;
    if (entity.collection !== 'Things') {
      return ofCollection;
    }
    for (const name of this.inheritance.thing(entity).templates) {
      const template = this.store.get('ThingTemplates', name);
      const verdict = this.judge(template?.instanceDesignTime.get(right), user);
      if (verdict !== undefined) {
        return verdict;
      }
    }
    return ofCollection;
  }

  /** Whether the user may create entities in a collection. */
  allowsCreate(collection: Collection, user: string): boolean {
    return (
      this.isAdministrator(user) ||
      (this.judge(this.designOfCollections.get(collection)?.get('Create'), user) ?? false)
    );
  }

  /** Throws 403 unless the user may change the model in this way. */
  requireDesign(entity: Entity, right: DesignTimeRight, user: string): void {
    if (!this.allowsDesign(entity, right, user)) {
      throw new PlatformError(`Not authorized for ${right} on ${entity.collection} ${entity.name}`, {
        status: this.switches.forbiddenStatus,
      });
    }
  }

  requireAdministrator(user: string, action: string): void {
    if (!this.isAdministrator(user)) {
      throw new PlatformError(`Not authorized for ${action}`, { status: this.switches.forbiddenStatus });
    }
  }

  private remember(key: string, compute: () => boolean): boolean {
    const known = this.known.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.known.size > 100_000) {
      this.known.clear();
    }
    const value = compute();
    this.known.set(key, value);
    return value;
  }
}

/** Resources that compute and change nothing; the platform is believed to let every user invoke them. */
const libraries: ReadonlySet<string> = new Set([
  'InfoTableFunctions',
  'ContentLoaderFunctions',
  'EncryptionServices',
  'CurrentSessionInfo',
]);

const forUsers: RunTimePermissions = new Map([
  [
    '*',
    new Map([['ServiceInvoke' as const, [{ name: 'Users', type: 'Group' as const, isPermitted: true }]]]),
  ],
]);

const encryptionForUsers: RunTimePermissions = new Map([
  ...forUsers,
  [
    'DecryptPropertyValue',
    new Map([['ServiceInvoke' as const, [{ name: 'Users', type: 'Group' as const, isPermitted: false }]]]),
  ],
]);

/** DecryptPropertyValue is not among what every user may: it gives secrets away. */
function libraryRights(name: string): RunTimePermissions {
  if (name === 'EncryptionServices') {
    return encryptionForUsers;
  }
  return libraries.has(name) ? forUsers : new Map();
}

function replace<T>(target: Map<Collection, T>, source: Map<Collection, T>): void {
  target.clear();
  for (const [collection, value] of source) {
    target.set(collection, value);
  }
}
