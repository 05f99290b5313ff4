import type { EntityStore } from '../model/store.ts';

/** Which groups and organizations users belong to. Groups may contain groups. */
export class Membership {
  private readonly store: EntityStore;
  private readonly groups = new Map<string, ReadonlySet<string>>();

  constructor(store: EntityStore) {
    this.store = store;
    store.onChange((entity) => {
      if (entity.collection === 'Groups' || entity.collection === 'Users') {
        this.groups.clear();
      }
    });
  }

  /** Names of all groups of a user, direct and indirect. Every user belongs to Users. */
  groupsOf(user: string): ReadonlySet<string> {
    const known = this.groups.get(user);
    if (known !== undefined) {
      return known;
    }
    const found = new Set<string>(['Users']);
    const groups = this.store.all('Groups');
    for (const group of groups) {
      if (group.members.some((member) => member.type === 'User' && member.name === user)) {
        found.add(group.name);
      }
    }
    let before = -1;
    while (found.size !== before) {
      before = found.size;
      for (const group of groups) {
        if (group.members.some((member) => member.type === 'Group' && found.has(member.name))) {
          found.add(group.name);
        }
      }
    }
    this.groups.set(user, found);
    return found;
  }

  /** Whether the user is a member of an organization, or of the given unit of it or one below. */
  isInOrganization(user: string, organization: string, unit?: string): boolean {
    const entity = this.store.get('Organizations', organization);
    if (entity === undefined) {
      return false;
    }
    const wanted = unit === undefined ? undefined : this.unitsBelow(entity.connections, unit);
    for (const candidate of entity.units.values()) {
      if (wanted !== undefined && !wanted.has(candidate.name)) {
        continue;
      }
      for (const member of candidate.members) {
        if (member.type === 'User' ? member.name === user : this.groupsOf(user).has(member.name)) {
          return true;
        }
      }
    }
    return false;
  }

  private unitsBelow(connections: readonly { from: string; to: string }[], unit: string): Set<string> {
    const found = new Set([unit]);
    let before = -1;
    while (found.size !== before) {
      before = found.size;
      for (const { from, to } of connections) {
        if (found.has(from)) {
          found.add(to);
        }
      }
    }
    return found;
  }
}
