import { ConnectorError } from '../../errors/connector-error.ts';
import type { ThingworxClient } from '../../thingworx/client.ts';
import { requireMember } from '../../thingworx/require-member.ts';
import type { NodeBinding } from './binding-members.ts';

interface BoundThingsOptions {
  readonly client: ThingworxClient;
  /** The Thing whose services are called. */
  readonly hubThing: string;
  readonly signal: AbortSignal;
}

/** The Thing that gets bindings, and how it is made if it does not exist. */
interface BoundThing {
  readonly thing: string;
  readonly createThing: boolean;
  readonly thingTemplate: string;
  readonly project: string;
  readonly valueStream: string;
  /** Whether the values get a history. */
  readonly logged: boolean;
}

/** A binding as ThingWorx is asked to make it. */
export type WantedBinding = Omit<NodeBinding, 'addedProperties'> & {
  /** Whether the caller chose the name; otherwise ThingWorx may choose another one that is free. */
  readonly isNamed: boolean;
};

/** What became of one binding; `binding` is missing if it was not made. */
interface MadeBinding {
  readonly nodeId: string;
  readonly binding?: NodeBinding;
  readonly message?: string;
}

interface RemovedBinding {
  readonly property: string;
  readonly removedProperties: readonly string[];
  readonly message?: string;
}

/** A binding with the last value that came from the node. */
export interface ListedBinding {
  readonly thing: string;
  readonly binding: NodeBinding;
  readonly value: string;
  readonly time?: string;
  readonly quality: string;
}

/** The Things that implement AzureIoT.BoundNodes_TS, as the hub Thing changes and lists them. */
export class BoundThings {
  readonly #options: BoundThingsOptions;

  constructor(options: BoundThingsOptions) {
    this.#options = options;
  }

  /** @throws ConnectorError REQUEST_INVALID when there is no such Thing; THINGWORX_REJECTED when it cannot be made */
  async bind(target: BoundThing, bindings: readonly WantedBinding[]): Promise<readonly MadeBinding[]> {
    return await this.#change<MadeBinding>({ ...target, bindings });
  }

  async unbind(
    thing: string,
    properties: readonly string[],
    removeProperties: boolean,
  ): Promise<readonly RemovedBinding[]> {
    return await this.#change<RemovedBinding>({ thing, unbind: properties, removeProperties });
  }

  /** @throws ConnectorError REQUEST_INVALID when there are more than one call can read */
  async list(filter: {
    readonly source: string;
    readonly thing?: string | undefined;
  }): Promise<readonly ListedBinding[]> {
    const { client, hubThing, signal } = this.#options;
    const answer = requireMember<{ bindings: ListedBinding[]; isCut?: boolean }>(
      await client.invoke(hubThing, 'ListNodeBindings', { request: filter }, { signal }),
      'bindings',
      'ListNodeBindings',
      hubThing,
    );
    if (answer.isCut)
      throw new ConnectorError(
        'REQUEST_INVALID',
        `There are more than ${answer.bindings.length} bindings. Name a Thing in thing.`,
      );
    return answer.bindings;
  }

  async #change<T>(request: unknown): Promise<readonly T[]> {
    const { client, hubThing, signal } = this.#options;
    const answer = requireMember<{ answers: readonly T[]; refusal?: string }>(
      await client.invoke(hubThing, 'ChangeNodeBindings', { request }, { signal }),
      'answers',
      'ChangeNodeBindings',
      hubThing,
    );
    if (answer.refusal) throw bindingRefusal(answer.refusal);
    return answer.answers;
  }
}

/** What the hub Thing says against a binding: REQUEST_INVALID of its own, or what the platform refused. */
export function bindingRefusal(text: string): ConnectorError {
  const own = /^REQUEST_INVALID: ([\s\S]*)$/.exec(text);
  if (own) return new ConnectorError('REQUEST_INVALID', own[1] as string);
  const forbidden = /^THINGWORX_FORBIDDEN: ([\s\S]*)$/.exec(text);
  return forbidden
    ? new ConnectorError('THINGWORX_FORBIDDEN', forbidden[1] as string)
    : new ConnectorError('THINGWORX_REJECTED', text);
}
