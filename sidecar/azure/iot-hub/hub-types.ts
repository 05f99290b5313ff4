/** What IoT Hub's REST API (2021-04-12) shows and takes. Names are the API's own. */

type AuthenticationType = 'sas' | 'selfSigned' | 'certificateAuthority' | 'none';
type IdentityStatus = 'enabled' | 'disabled';
type ConnectionState = 'Connected' | 'Disconnected';

export interface SymmetricKeys {
  readonly primaryKey: string;
  readonly secondaryKey: string;
}

interface Thumbprints {
  readonly primaryThumbprint: string | null;
  readonly secondaryThumbprint: string | null;
}

/** How a device or module proves itself, without its keys. */
export interface AuthenticationView {
  readonly type: AuthenticationType;
  readonly x509Thumbprint?: Thumbprints;
}

/** A device as the registry knows it. Keys are left out: `Registry.deviceKeys` reads them. */
export interface DeviceIdentity {
  readonly deviceId: string;
  readonly generationId: string;
  readonly etag: string;
  readonly status: IdentityStatus;
  readonly statusReason: string | null;
  readonly statusUpdatedTime: string;
  readonly connectionState: ConnectionState;
  readonly connectionStateUpdatedTime: string;
  readonly lastActivityTime: string;
  readonly cloudToDeviceMessageCount: number;
  readonly authentication: AuthenticationView;
  readonly capabilities: { readonly iotEdge: boolean };
  readonly deviceScope?: string;
  readonly parentScopes?: readonly string[];
}

/** A module as the registry knows it, without its keys. */
export interface ModuleIdentity {
  readonly deviceId: string;
  readonly moduleId: string;
  readonly generationId: string;
  readonly etag: string;
  readonly managedBy?: string | null;
  readonly connectionState: ConnectionState;
  readonly connectionStateUpdatedTime: string;
  readonly lastActivityTime: string;
  readonly cloudToDeviceMessageCount: number;
  readonly authentication: AuthenticationView;
}

/** How a new or changed identity shall prove itself. Keys that are left out are made by the hub. */
export interface AuthenticationInput {
  readonly type: AuthenticationType;
  readonly symmetricKey?: { readonly primaryKey?: string; readonly secondaryKey?: string };
  readonly x509Thumbprint?: { readonly primaryThumbprint?: string; readonly secondaryThumbprint?: string };
}

export interface DeviceInput {
  readonly deviceId: string;
  readonly status?: IdentityStatus;
  readonly statusReason?: string;
  readonly authentication?: AuthenticationInput;
  readonly capabilities?: { readonly iotEdge: boolean };
  /** Of an Edge device: its own scope. Of a leaf device: the scope of its parent. */
  readonly deviceScope?: string;
  /** Of an Edge device: the scope of its parent. */
  readonly parentScopes?: readonly string[];
}

export interface ModuleInput {
  readonly deviceId: string;
  readonly moduleId: string;
  readonly managedBy?: string;
  readonly authentication?: AuthenticationInput;
}

/** Which parts of an identity to change; what is absent stays. */
export type DeviceChange = Omit<DeviceInput, 'deviceId'>;

export type JsonObject = { readonly [name: string]: unknown };

interface TwinProperties {
  readonly desired: JsonObject & { readonly $version?: number };
  readonly reported: JsonObject & { readonly $version?: number };
}

/** The twin of a device or module. A query that selects single members returns other shapes. */
export interface Twin {
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly etag: string;
  readonly deviceEtag?: string;
  readonly version: number;
  readonly status?: IdentityStatus;
  readonly connectionState?: ConnectionState;
  readonly lastActivityTime?: string;
  readonly cloudToDeviceMessageCount?: number;
  readonly authenticationType?: AuthenticationType;
  readonly modelId?: string;
  readonly capabilities?: { readonly iotEdge: boolean };
  readonly deviceScope?: string;
  readonly tags?: JsonObject;
  readonly properties: TwinProperties;
}

export interface TwinPatch {
  readonly tags?: JsonObject | null;
  readonly desired?: JsonObject | null;
}

export interface RegistryStatistics {
  readonly totalDeviceCount: number;
  readonly enabledDeviceCount: number;
  readonly disabledDeviceCount: number;
}

/** One page of a query. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Hand it back for the next page; absent on the last one. */
  readonly continuationToken?: string;
}
