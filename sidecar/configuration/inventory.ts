import { ConnectorError } from '../errors/connector-error.ts';
import { ROLE_GROUPS, ROLES, type Role } from '../operations/operation.ts';
import type { Administrator } from '../setup/administrator.ts';
import type { PropertyValues } from '../thingworx/client.ts';
import { PACKAGE_NAME } from '../version.ts';
import { KINDS, MEMBER_KINDS, type MemberKind, SECTIONS, type Section } from './document.ts';

/**
 * The description of a Thing that apply-config has not finished. It is taken away last, so a Thing that an interruption has left behind is
 * known from one that somebody else has made.
 */
export const UNFINISHED = 'apply-config has not finished this Thing.';

/** A Thing of ThingWorx. ThingWorx may refuse to show the values of one that is disabled. */
type FoundThing =
  | { readonly state: 'running'; readonly values: PropertyValues }
  | { readonly state: 'unfinished' | 'disabled' };

/** What is in ThingWorx of that which a configuration document describes. */
export interface Inventory {
  readonly things: Readonly<Record<Section, ReadonlyMap<string, FoundThing>>>;
  readonly members: Readonly<Record<Role, Readonly<Record<MemberKind, readonly string[]>>>>;
}

/** @throws ConnectorError CONFIGURATION_CONFLICT when the extension is not installed, and as calls to ThingWorx do */
export async function takeInventory(administrator: Administrator): Promise<Inventory> {
  if (!(await administrator.exists('ThingTemplates', KINDS.hubs.template)))
    throw new ConnectorError(
      'CONFIGURATION_CONFLICT',
      `ThingWorx does not have the extension ${PACKAGE_NAME}; expected that sidecar.mjs setup was run first.`,
    );
  const things = new Map<Section, ReadonlyMap<string, FoundThing>>();
  for (const section of SECTIONS) things.set(section, await thingsOf(administrator, section));
  const members = new Map<Role, Record<MemberKind, string[]>>();
  for (const role of ROLES) members.set(role, await membersOf(administrator, role));
  return { things: Object.fromEntries(things), members: Object.fromEntries(members) } as unknown as Inventory;
}

async function thingsOf(
  administrator: Administrator,
  section: Section,
): Promise<ReadonlyMap<string, FoundThing>> {
  const found = new Map<string, FoundThing>();
  const rows = await administrator.rows('ThingTemplates', KINDS[section].template, 'GetImplementingThings');
  const names = rows.map((row) => ({ name: String(row['name']), description: row['description'] }));
  for (const { name, description } of names.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    found.set(name, await foundThing(administrator, name, description));
  return found;
}

async function foundThing(
  administrator: Administrator,
  name: string,
  description: unknown,
): Promise<FoundThing> {
  if (description === UNFINISHED) return { state: 'unfinished' };
  if ((await administrator.value('Things', name, 'IsEnabled')) !== true) return { state: 'disabled' };
  return { state: 'running', values: await administrator.properties(name) };
}

async function membersOf(administrator: Administrator, role: Role): Promise<Record<MemberKind, string[]>> {
  const rows = await administrator.rows('Groups', ROLE_GROUPS[role], 'GetGroupMembers');
  const named = (kind: MemberKind) =>
    rows
      .filter(({ type }) => type === MEMBER_KINDS[kind])
      .map(({ name }) => String(name))
      .toSorted();
  return { users: named('users'), groups: named('groups') };
}
