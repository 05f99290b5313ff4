import type { Static, TObject, TSchema } from 'typebox';
import { factsOf } from '../contract/schema.ts';
import { ADMINISTRATORS, ENGINEERS, OPERATORS, VIEWERS } from '../entities/model.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { ConnectorError } from '../errors/connector-error.ts';
import type { OperationContext } from './context.ts';
import { checkExact } from './exact-numbers.ts';

/** Roles of people, from the least to the most. A user of a role may call what is for the roles before it, too. */
export const ROLES = ['viewer', 'operator', 'engineer', 'administrator'] as const;
export type Role = (typeof ROLES)[number];

/** The group of each role. A member of one needs no other: each role has what the roles before it have. */
export const ROLE_GROUPS: Readonly<Record<Role, string>> = {
  viewer: VIEWERS,
  operator: OPERATORS,
  engineer: ENGINEERS,
  administrator: ADMINISTRATORS,
};

/** The Thing Shapes and Thing Templates that offer operations as services. */
export type OfferingEntity =
  | 'AzureIoT.Sidecar_TS'
  | 'AzureIoT.Hub_TT'
  | 'AzureIoT.Device_TS'
  | 'AzureIoT.EdgeDevice_TS'
  | 'AzureIoT.OpcPublisher_TS'
  | 'AzureIoT.StorageAccount_TT'
  | 'AzureIoT.BlobContainer_TT';

/**
 * One thing that a service on a Thing can ask of the sidecar. The express route, its validation, the OpenAPI document,
 * the ThingWorx ServiceDefinition, its generated script and the service reference all come from this definition.
 *
 * `input` holds path parameters, query parameters (GET, DELETE) and body members (PUT, POST, PATCH) in one object; a
 * member named in `path` as `{member}` is a path parameter. Members that the offering entity binds (bindings.ts) are
 * filled from the Thing itself and are no parameters of the service.
 */
export interface Operation<I extends TObject = TObject, O extends TObject = TObject> {
  /** The name of the service, PascalCase; also the OpenAPI operationId. */
  readonly name: string;
  /** Whose service it is; without it the operation is a route alone. */
  readonly entity?: OfferingEntity;
  /** The category under which Composer lists the service, and the tag in OpenAPI. */
  readonly category: string;
  /**
   * The least role that may call the service in ThingWorx: viewers read, operators send commands to one device, engineers change devices,
   * mappings and files, administrators see keys. The viewer token may call what is for viewers.
   */
  readonly role: Role;
  /** One sentence for Composer, OpenAPI and docs/services.md. */
  readonly summary: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Under /v1, with `{member}` for path parameters. */
  readonly path: string;
  readonly input: I;
  readonly output: O;
  /**
   * The member of `output` that the service returns; without it the service returns the whole output. Either has the base type of its
   * schema: an INFOTABLE (Table, OneRow) where the form is fixed, JSON where it is free.
   */
  readonly result?: keyof Static<O> & string;
  /** True when the service returns nothing: the output says no more than that it was done. */
  readonly noResult?: true;
  /**
   * A member of the input that is taken although parts of it are invalid: `run` gets the rest of it, and the invalid parts in
   * `context.invalid`.
   */
  readonly lenient?: keyof Static<I> & string;
  /** The codes that this operation itself can give, beside those that every route can. */
  readonly errors: readonly ErrorCode[];
  /** 'hand-written' when extension/scripts holds the service's script; generated otherwise. */
  readonly script?: 'hand-written';
  /** What the service takes when its hand-written script makes the input of something else; nothing unless given. */
  readonly serviceInput?: TObject;
  /** What the service returns when its hand-written script makes it of the output. */
  readonly serviceResult?: TObject;
  /**
   * 'token', the default: the sidecar token as Bearer or as the password of HTTP Basic.
   * 'ticket': the first path parameter is a one-time secret token that must also be the user name of HTTP Basic. The password
   * is the secret; it arrives in the input member `secret`, which is no part of the URL or body.
   */
  readonly authorisation?: 'token' | 'ticket';
  /** How long the calling script waits for the answer, in milliseconds; 20 000 unless given. ThingWorx ends scripts after 30 s. */
  readonly timeoutMs?: number;
  /** Members of the input that hold seconds by which the calling script waits longer than `timeoutMs`. */
  readonly addedSeconds?: readonly (keyof Static<I> & string)[];
  /** For bodies that may be larger than the rest: the largest, in bytes, and what one that is larger is answered. */
  readonly largeBody?: { readonly maxBytes: number; refuse(): ConnectorError };
  run(context: OperationContext, input: Static<I>): Promise<Static<O>>;
}

/** Checks the types of a definition without widening them. The operation refuses numbers that were rounded on their way. */
export function defineOperation<I extends TObject, O extends TObject>(
  operation: Operation<I, O>,
): Operation<I, O> {
  const { lenient } = operation;
  return {
    ...operation,
    async run(context, input) {
      checkExact(lenient === undefined ? input : { ...input, [lenient]: undefined });
      return await operation.run(context, input);
    },
  };
}

/** The schema of what the service of an operation returns. */
export function resultSchema({ output, result, serviceResult }: Operation): TSchema {
  if (serviceResult) return serviceResult;
  return result === undefined ? output : (factsOf(output).properties?.[result] as TSchema);
}

/** The names in `{braces}` of the path, in order. */
export function pathMembers(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
}

/** The input member that names the hub Thing or storage Thing that the operation is for; undefined when it is for neither. */
export function ownerMember(path: string): 'hub' | 'account' | undefined {
  const [first] = pathMembers(path);
  return first === 'hub' || first === 'account' ? first : undefined;
}

/** True when members outside the path travel in the query string. */
export function usesQuery(method: Operation['method']): boolean {
  return method === 'GET' || method === 'DELETE';
}
