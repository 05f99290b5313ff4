import Type, { type Static } from 'typebox';
import type {
  AuthenticationInput,
  AuthenticationView,
  DeviceIdentity,
  ModuleIdentity,
  Twin,
} from '../../azure/iot-hub/hub-types.ts';
import { DateTime, EXPECTED_KEYWORD, OneOf } from '../../contract/schema.ts';
import { ConnectorError } from '../../errors/connector-error.ts';
import { IOT_HUB_ERRORS } from '../error-groups.ts';

const thumbprint = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: '^(([0-9A-Fa-f]{2}:?){19}|([0-9A-Fa-f]{2}:?){31})[0-9A-Fa-f]{2}$',
      [EXPECTED_KEYWORD]: '40 or 64 hexadecimal digits, with colons or without',
      description,
    }),
  );

/** How a device or module proves itself. */
export const authenticationOptions = {
  authentication: Type.Optional(
    OneOf(['sas', 'selfSigned', 'certificateAuthority'], {
      description:
        'How the device authenticates: sas (keys, which the hub generates), selfSigned (a certificate known by its thumbprint) or ' +
        'certificateAuthority (a certificate signed by a CA that the hub trusts).',
    }),
  ),
  primaryThumbprint: thumbprint('For selfSigned: the SHA-1 or SHA-256 thumbprint of the certificate.'),
  secondaryThumbprint: thumbprint(
    'For selfSigned: the thumbprint of the certificate that will follow. Empty: the same.',
  ),
};

export const managedBy = Type.Optional(
  Type.String({ maxLength: 128, description: 'Who manages the module, such as iotEdge.' }),
);

/** What changes of a device or module can fail with. */
export const CHANGE_ERRORS = [...IOT_HUB_ERRORS, 'DEVICE_NOT_FOUND', 'PRECONDITION_FAILED'] as const;

interface AuthenticationOptions {
  readonly authentication?: 'sas' | 'selfSigned' | 'certificateAuthority' | undefined;
  readonly primaryThumbprint?: string | undefined;
  readonly secondaryThumbprint?: string | undefined;
}

/** Undefined when nothing is said of it. */
export function authenticationOf(options: AuthenticationOptions): AuthenticationInput | undefined {
  // OpenSSL writes colons, IoT Hub wants none.
  const [primaryThumbprint, secondaryThumbprint] = [
    options.primaryThumbprint,
    options.secondaryThumbprint,
  ].map((text) => text?.replaceAll(':', ''));
  const type = options.authentication ?? (primaryThumbprint ? 'selfSigned' : undefined);
  if (type !== 'selfSigned') {
    if (primaryThumbprint !== undefined || secondaryThumbprint !== undefined) {
      throw new ConnectorError(
        'REQUEST_INVALID',
        'Thumbprints belong to the authentication selfSigned alone.',
      );
    }
    return type === undefined ? undefined : { type };
  }
  if (primaryThumbprint === undefined) {
    throw new ConnectorError('REQUEST_INVALID', 'primaryThumbprint is missing; selfSigned needs it.');
  }
  return {
    type,
    x509Thumbprint: {
      primaryThumbprint,
      secondaryThumbprint: secondaryThumbprint ?? primaryThumbprint,
    },
  };
}

const identityMembers = {
  connectionState: OneOf(['Connected', 'Disconnected'], {
    description: 'The state that IoT Hub knows; it may be minutes old.',
  }),
  lastActivityTime: Type.Optional(DateTime({ description: 'When it was last active; not set if never.' })),
  authentication: OneOf(['sas', 'selfSigned', 'certificateAuthority', 'none'], {
    description: 'How the device authenticates.',
  }),
};

const thumbprintMembers = {
  primaryThumbprint: Type.Optional(
    Type.String({ description: 'The thumbprint of the certificate, for selfSigned.' }),
  ),
  secondaryThumbprint: Type.Optional(
    Type.String({ description: 'The thumbprint of the certificate that follows, for selfSigned.' }),
  ),
};

/** A device of the registry, without keys. */
export const DeviceDocument = Type.Object(
  {
    deviceId: Type.String({ description: 'The device.' }),
    status: OneOf(['enabled', 'disabled'], { description: 'Whether it may connect.' }),
    statusReason: Type.Optional(Type.String({ description: 'The reason for the status, as free text.' })),
    ...identityMembers,
    ...thumbprintMembers,
    iotEdge: Type.Boolean({ description: 'Whether it is an IoT Edge device.' }),
    deviceScope: Type.Optional(
      Type.String({ description: 'Its own scope (Edge device) or that of its parent.' }),
    ),
    parentScopes: Type.Optional(
      Type.Array(Type.String({ description: 'One scope.' }), {
        description: 'The scope of the parent of an Edge device.',
      }),
    ),
    pendingMessages: Type.Integer({ minimum: 0, description: 'Cloud-to-device messages that wait for it.' }),
    generationId: Type.String({
      description: 'Changes when the device is deleted and created again with the same id.',
    }),
    etag: Type.String({ description: 'The ETag for UpdateDevice and DeleteDevice.' }),
  },
  { description: 'The device as the registry has it, without its keys.' },
);

export function deviceDocument(device: DeviceIdentity): Static<typeof DeviceDocument> {
  return {
    deviceId: device.deviceId,
    status: device.status,
    ...(device.statusReason ? { statusReason: device.statusReason } : {}),
    connectionState: device.connectionState,
    ...activity(device.lastActivityTime),
    ...authenticationFacts(device.authentication),
    iotEdge: device.capabilities?.iotEdge ?? false,
    ...(device.deviceScope ? { deviceScope: device.deviceScope } : {}),
    ...(device.parentScopes && device.parentScopes.length > 0
      ? { parentScopes: [...device.parentScopes] }
      : {}),
    pendingMessages: device.cloudToDeviceMessageCount,
    generationId: device.generationId,
    etag: device.etag,
  };
}

/** A row of ListDevices. */
export const DeviceRow = Type.Object(
  {
    deviceId: Type.String({ description: 'The device.' }),
    status: OneOf(['enabled', 'disabled'], { description: 'Whether it may connect.' }),
    ...identityMembers,
    iotEdge: Type.Boolean({ description: 'Whether it is an IoT Edge device.' }),
    deviceScope: Type.String({
      description: 'Its own scope (Edge device) or that of its parent; empty without one.',
    }),
    modelId: Type.String({ description: 'Its IoT Plug and Play model; empty without one.' }),
    pendingMessages: Type.Integer({ minimum: 0, description: 'Cloud-to-device messages that wait for it.' }),
    continuationToken: Type.String({
      description: 'The token for the next page, the same on every row. Empty on the last page.',
    }),
  },
  { description: 'One device of a list.' },
);

export function deviceRow(twin: Twin, continuationToken: string): Static<typeof DeviceRow> {
  return {
    deviceId: twin.deviceId,
    status: twin.status ?? 'enabled',
    connectionState: twin.connectionState ?? 'Disconnected',
    ...activity(twin.lastActivityTime),
    authentication: twin.authenticationType ?? 'none',
    iotEdge: twin.capabilities?.iotEdge ?? false,
    deviceScope: twin.deviceScope ?? '',
    modelId: twin.modelId ?? '',
    pendingMessages: twin.cloudToDeviceMessageCount ?? 0,
    continuationToken,
  };
}

/** A module of the registry, without keys. */
export const ModuleDocument = Type.Object(
  {
    deviceId: Type.String({ description: 'The device.' }),
    moduleId: Type.String({ description: 'The module.' }),
    managedBy: Type.String({ description: 'Who manages it, such as iotEdge; empty if not given.' }),
    ...identityMembers,
    ...thumbprintMembers,
    generationId: Type.String({
      description: 'Changes when the module is deleted and created again with the same id.',
    }),
    etag: Type.String({ description: 'The ETag for UpdateModule and DeleteModule.' }),
  },
  { description: 'One module of a device, without its keys.' },
);

export function moduleDocument(module: ModuleIdentity): Static<typeof ModuleDocument> {
  return {
    deviceId: module.deviceId,
    moduleId: module.moduleId,
    managedBy: module.managedBy ?? '',
    connectionState: module.connectionState,
    ...activity(module.lastActivityTime),
    ...authenticationFacts(module.authentication),
    generationId: module.generationId,
    etag: module.etag,
  };
}

function authenticationFacts({ type, x509Thumbprint }: AuthenticationView) {
  const primary = x509Thumbprint?.primaryThumbprint;
  const secondary = x509Thumbprint?.secondaryThumbprint;
  return {
    authentication: type,
    ...(primary ? { primaryThumbprint: primary } : {}),
    ...(secondary ? { secondaryThumbprint: secondary } : {}),
  };
}

/** IoT Hub says the year 1 for never, and leaves out the zone at times. */
function activity(text: string | undefined): { lastActivityTime?: string } {
  if (!text || text.startsWith('0001-')) return {};
  const time = Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? {} : { lastActivityTime: new Date(time).toISOString() };
}
