import { ADMINISTRATORS, ORGANIZATION, SIDECAR_GROUP, SYSTEM_USER } from '../../sidecar/entities/model.ts';

/**
 * A right on something that belongs to the platform, so that the extension cannot bring it: GrantPermissions gives it.
 * run: a service of a resource. instance: design time of the Things of a template. collection: design time of all Things.
 * seen: the organization sees it.
 */
export interface Grant {
  readonly kind: 'run' | 'instance' | 'collection' | 'seen';
  readonly entity: string;
  /** A service, or Create, Update or Delete; empty for `seen`. */
  readonly right: string;
  readonly principal: string;
  readonly principalType: 'Group' | 'Organization' | 'User';
  readonly why: string;
}

const GROUPS = [SIDECAR_GROUP, ADMINISTRATORS];
/** For what services do inside, so that no role below the administrators needs the right to do it anywhere. */
const INSIDE = [...GROUPS, SYSTEM_USER];

function services(
  entity: string,
  names: readonly string[],
  principals: readonly string[],
  why: string,
): Grant[] {
  return [
    { kind: 'seen', entity, right: '', principal: ORGANIZATION, principalType: 'Organization', why },
    ...names.flatMap((right) =>
      principals.map((principal): Grant => {
        const principalType = principal === SYSTEM_USER ? 'User' : 'Group';
        return { kind: 'run', entity, right, principal, principalType, why };
      }),
    ),
  ];
}

/** What GrantPermissions gives, once. */
export const GRANTS: readonly Grant[] = [
  ...services(
    'EntityServices',
    ['CreateThing', 'DeleteThing', 'AddShapeToThing'],
    GROUPS,
    'Things are made and deleted with their devices, and made for nodes of OPC UA servers; a Thing that nodes are bound to gets a shape.',
  ),
  ...services(
    'InfoTableFunctions',
    ['CreateInfoTableFromDataShape', 'FromJSON'],
    INSIDE,
    'Services give tables, and values are written as a table.',
  ),
  ...services('ContentLoaderFunctions', ['PostJSON', 'PutJSON'], INSIDE, 'Services call the sidecar.'),
  ...['EntityServices', 'ContentLoaderFunctions'].map(
    (entity): Grant => ({
      kind: 'run',
      entity,
      right: 'CheckPermission',
      principal: SIDECAR_GROUP,
      principalType: 'Group',
      why: 'CheckConnection asks for the rights of the user of the application key.',
    }),
  ),
  ...services(
    'EncryptionServices',
    ['DecryptPropertyValue'],
    // Not for people: whoever may call it reads every PASSWORD that REST gives encrypted.
    [SIDECAR_GROUP, SYSTEM_USER],
    'Only where ThingWorx hands on PASSWORD values encrypted: sidecarToken and secrets are decrypted first. Some versions have no such service.',
  ),
  ...GROUPS.map(
    (principal): Grant => ({
      kind: 'collection',
      entity: 'Things',
      right: 'Create',
      principal,
      principalType: 'Group',
      why: 'Without it nobody can make a Thing, whatever the right on CreateThing.',
    }),
  ),
  ...['AzureIoT.Device_TT', 'AzureIoT.EdgeDevice_TT', 'AzureIoT.Canary_TT', 'AzureIoT.BoundNodes_TT'].flatMap(
    (entity) => templateGrants(entity, false),
  ),
];

/** What the sidecar needs to read when its application key expires. */
export const KEY_GRANTS: readonly Grant[] = services(
  '',
  ['GetExpirationDate'],
  [SIDECAR_GROUP],
  'The sidecar shows when its application key expires.',
);

/** What a Thing Template of one's own needs beside, when its Things are to be devices. */
export const TEMPLATE_GRANTS: readonly Grant[] = templateGrants('', true);

function templateGrants(entity: string, isOwn: boolean): Grant[] {
  const design = GROUPS.flatMap((principal) =>
    ['Update', 'Delete'].map(
      (right): Grant => ({
        kind: 'instance',
        entity,
        right,
        principal,
        principalType: 'Group',
        why: 'Properties are added to its Things, and they are deleted with their devices, as the settings say.',
      }),
    ),
  );
  const seen: Grant = {
    kind: 'seen',
    entity,
    right: '',
    principal: ORGANIZATION,
    principalType: 'Organization',
    why: 'What cannot be seen does not exist: the template, and the Things made from it.',
  };
  return isOwn ? [seen, ...design] : design;
}
