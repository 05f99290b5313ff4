import { isDeepStrictEqual } from 'node:util';
import { ConnectorError } from '../errors/connector-error.ts';
import { ROLE_GROUPS, ROLES, type Role } from '../operations/operation.ts';
import { resolveSecret } from '../secrets/one-time-secret-tokens.ts';
import type { Administrator } from '../setup/administrator.ts';
import type { PropertyValues } from '../thingworx/client.ts';
import { differences, type SettingChange, WITHHELD } from './difference.ts';
import {
  type ConfigurationDocument,
  effectiveValue,
  initialValue,
  isReference,
  KINDS,
  MEMBER_KINDS,
  type MemberKind,
  SECTIONS,
  type Section,
  type ThingConfiguration,
} from './document.ts';
import { type Inventory, UNFINISHED } from './inventory.ts';
import { pointer } from './reading.ts';

/** One change that makes ThingWorx what the document says. */
export interface Change {
  readonly action: 'create' | 'update' | 'delete' | 'add' | 'remove';
  /** Where in the document, as a JSON pointer; for a member, the role and the kind of member. */
  readonly path: string;
  /** The member of a role. */
  readonly member?: string;
  readonly settings?: readonly SettingChange[];
}

interface PlannedStep {
  readonly change: Change;
  /** Reads what only this machine has. Changes nothing. */
  prepare?(): Promise<void>;
  apply(): Promise<void>;
}

export interface Plan {
  /** In the order in which they are applied. */
  readonly steps: readonly PlannedStep[];
  /** What is in ThingWorx and not in the document, and stays. */
  readonly leftAlone: readonly string[];
}

interface PlanOptions {
  /** What the sections of the document do not have is taken away. */
  readonly prune: boolean;
  /** The token is written to Things that exist as well; ThingWorx does not show which one they have. */
  readonly writeSecrets: boolean;
}

/**
 * Compares a document with ThingWorx. Changes nothing.
 * @throws ConnectorError CONFIGURATION_CONFLICT that names everything that does not fit
 */
export async function makePlan(
  document: ConfigurationDocument,
  inventory: Inventory,
  administrator: Administrator,
  options: PlanOptions,
): Promise<Plan> {
  await requireFit(document, inventory, administrator, options);
  const planner = new Planner(document, inventory, administrator, options);
  return planner.plan();
}

/** @throws ConnectorError CONFIGURATION_CONFLICT */
async function requireFit(
  document: ConfigurationDocument,
  { things, members }: Inventory,
  administrator: Administrator,
  { prune }: PlanOptions,
): Promise<void> {
  const problems: string[] = [];
  for (const section of SECTIONS) {
    const { noun, template } = KINDS[section];
    for (const name of Object.keys(document[section] ?? {})) {
      const found = things[section].get(name);
      if (found?.state === 'disabled')
        problems.push(
          `${pointer([section, name])} is disabled in ThingWorx; expected a Thing that is enabled.`,
        );
      if (found === undefined && (await administrator.exists('Things', name)))
        problems.push(
          `${pointer([section, name])} is in ThingWorx and no ${noun}; expected a Thing of ${template}, or another name.`,
        );
    }
  }
  const staysInThingWorx = (name: string) =>
    things.storages.has(name) && !(prune && document.storages !== undefined);
  const isStorage = (name: string) => staysInThingWorx(name) || Object.hasOwn(document.storages ?? {}, name);
  for (const [section, setting] of [
    ['containers', 'storageThing'],
    ['hubs', 'uploadStorageThing'],
  ] as const)
    for (const [name, { [setting]: storage }] of Object.entries(document[section] ?? {}))
      if (typeof storage === 'string' && storage !== '' && !isStorage(storage))
        problems.push(
          `${pointer([section, name, setting])} is ${storage}; expected a storage Thing of the document or of ThingWorx.`,
        );
  for (const role of ROLES)
    for (const kind of ['users', 'groups'] as const)
      for (const member of document.roles?.[role]?.[kind] ?? [])
        if (!members[role][kind].includes(member) && !(await administrator.exists(COLLECTIONS[kind], member)))
          problems.push(
            `${pointer(['roles', role, kind])} has ${member}; expected a ${MEMBER_KINDS[kind].toLowerCase()} of ThingWorx.`,
          );
  if (problems.length > 0) throw new ConnectorError('CONFIGURATION_CONFLICT', problems.join('\n'));
}

const COLLECTIONS: Readonly<Record<MemberKind, string>> = { users: 'Users', groups: 'Groups' };

class Planner {
  readonly #document: ConfigurationDocument;
  readonly #inventory: Inventory;
  readonly #administrator: Administrator;
  readonly #options: PlanOptions;
  readonly #leftAlone: string[] = [];

  constructor(
    document: ConfigurationDocument,
    inventory: Inventory,
    administrator: Administrator,
    options: PlanOptions,
  ) {
    this.#document = document;
    this.#inventory = inventory;
    this.#administrator = administrator;
    this.#options = options;
  }

  /** What others refer to is made first and deleted last. Members are added before any is taken away. */
  plan(): Plan {
    const things = SECTIONS.flatMap((section) => this.#thingSteps(section));
    const roles = ROLES.flatMap((role) => this.#memberSteps(role));
    const deletions = SECTIONS.flatMap((section) => this.#surplus(section)).toReversed();
    const isAddition = ({ change }: PlannedStep) => change.action === 'add';
    return {
      steps: [
        ...things,
        ...roles.filter(isAddition),
        ...roles.filter((step) => !isAddition(step)),
        ...deletions,
      ],
      leftAlone: this.#leftAlone,
    };
  }

  #thingSteps(section: Section): PlannedStep[] {
    return Object.entries(this.#document[section] ?? {}).flatMap(([name, wanted]) => {
      const found = this.#inventory.things[section].get(name);
      return found?.state === 'running'
        ? this.#update(section, name, wanted, found.values)
        : [this.#creation(section, name, wanted, found !== undefined)];
    });
  }

  #creation(section: Section, name: string, wanted: ThingConfiguration, isBegun: boolean): PlannedStep {
    const administrator = this.#administrator;
    const { changes } = this.#settingChanges(section, wanted, undefined);
    const token = this.#token(wanted, true);
    const call = (service: string, parameters = {}) =>
      administrator.call('Things', name, service, parameters);
    const { sidecarToken: _, ...values } = wanted;
    return {
      change: {
        action: 'create',
        path: pointer([section, name]),
        settings: [...changes, ...token.changes],
      },
      prepare: token.prepare,
      async apply() {
        if (!isBegun)
          await administrator.entityService('CreateThing', {
            name,
            thingTemplateName: KINDS[section].template,
            description: UNFINISHED,
          });
        await call('EnableThing');
        await call('RestartThing');
        // Also what a new Thing has by itself: a run that was interrupted may have written something else.
        const all = { ...values, ...token.values() };
        if (Object.keys(all).length > 0) await administrator.setProperties(name, all);
        await call('SetDescription', { description: '' });
      },
    };
  }

  #update(
    section: Section,
    name: string,
    wanted: ThingConfiguration,
    present: PropertyValues,
  ): PlannedStep[] {
    const { changes, values } = this.#settingChanges(section, wanted, present);
    const token = this.#token(wanted, this.#options.writeSecrets);
    const settings = [...changes, ...token.changes];
    if (settings.length === 0) return [];
    return [
      {
        change: { action: 'update', path: pointer([section, name]), settings },
        prepare: token.prepare,
        apply: () => this.#administrator.setProperties(name, { ...values, ...token.values() }),
      },
    ];
  }

  /** What differs, and the values that make it equal. Without present values: from a new Thing. */
  #settingChanges(
    section: Section,
    wanted: ThingConfiguration,
    present: PropertyValues | undefined,
  ): { readonly changes: SettingChange[]; readonly values: PropertyValues } {
    const changes: SettingChange[] = [];
    const values: Record<string, unknown> = {};
    for (const [name, schema] of Object.entries(KINDS[section].settings)) {
      if (!Object.hasOwn(wanted, name) && !this.#options.prune) continue;
      const before = present ? effectiveValue(name, schema, present[name]) : initialValue(name, schema);
      const after = Object.hasOwn(wanted, name)
        ? effectiveValue(name, schema, wanted[name])
        : initialValue(name, schema);
      if (isDeepStrictEqual(before, after)) continue;
      changes.push(...differences(name, before, after));
      values[name] = after;
    }
    if (KINDS[section].secrets.length > 0) {
      const references = this.#references(wanted, present?.['secretReferences']);
      if (references) {
        changes.push(...references.changes);
        values['secretReferences'] = references.after;
      }
    }
    return { changes, values };
  }

  #references(
    wanted: ThingConfiguration,
    present: unknown,
  ): { readonly changes: SettingChange[]; readonly after: Readonly<Record<string, string>> } | undefined {
    const before = (present ?? {}) as Readonly<Record<string, unknown>>;
    const after = { ...(this.#options.prune ? {} : before), ...wanted.secretReferences } as Record<
      string,
      string
    >;
    if (isDeepStrictEqual(before, after)) return undefined;
    // Somebody may have entered the secret itself.
    const shown = Object.fromEntries(
      Object.entries(before).map(([name, value]) => [name, isReference(value) ? value : WITHHELD]),
    );
    return { changes: differences('secretReferences', shown, after), after };
  }

  /** The token of the sidecar, if it is written. Only its reference is ever shown. */
  #token(wanted: ThingConfiguration, isWritten: boolean) {
    const { sidecarToken: source } = wanted;
    let token: string | undefined;
    const changes: SettingChange[] =
      isWritten && source !== undefined ? [{ setting: 'sidecarToken', after: source }] : [];
    return {
      changes,
      async prepare() {
        if (isWritten && source !== undefined) token = await resolveSecret('sidecarToken', source);
      },
      values: (): PropertyValues => (token === undefined ? {} : { sidecarToken: token }),
    };
  }

  #memberSteps(role: Role): PlannedStep[] {
    const wanted = this.#document.roles?.[role];
    if (wanted === undefined) return [];
    return (['users', 'groups'] as const).flatMap((kind) => {
      const present = this.#inventory.members[role][kind];
      const named = wanted[kind] ?? [];
      const path = pointer(['roles', role, kind]);
      const surplus = present.filter((member) => !named.includes(member));
      if (!this.#options.prune) this.#leftAlone.push(...surplus.map((member) => `${path}: ${member}`));
      const step = (action: 'add' | 'remove', service: string) => (member: string) => ({
        change: { action, path, member },
        apply: async () => {
          const parameters = { member, type: MEMBER_KINDS[kind] };
          await this.#administrator.call('Groups', ROLE_GROUPS[role], service, parameters);
        },
      });
      return [
        ...named.filter((member) => !present.includes(member)).map(step('add', 'AddMember')),
        ...(this.#options.prune ? surplus.map(step('remove', 'DeleteMember')) : []),
      ];
    });
  }

  /** The Things of a section that the document does not have: deleted with prune, else left alone. */
  #surplus(section: Section): PlannedStep[] {
    const wanted = this.#document[section];
    const surplus = [...this.#inventory.things[section].keys()].filter(
      (name) => !Object.hasOwn(wanted ?? {}, name),
    );
    if (!this.#options.prune || wanted === undefined) {
      this.#leftAlone.push(...surplus.map((name) => pointer([section, name])));
      return [];
    }
    return surplus.map((name) => ({
      change: { action: 'delete', path: pointer([section, name]) },
      apply: () => this.#administrator.entityService('DeleteThing', { name }),
    }));
  }
}
