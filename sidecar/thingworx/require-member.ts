import { ConnectorError } from '../errors/connector-error.ts';
import { VERSION } from '../version.ts';

/**
 * The answer of a service of the hub Thing, when it has the list or object that each of its answers has. An empty body with status 200, as
 * proxies and overridden services give it, says nothing: taken for "there is no such Thing" it would put messages into the dead letters.
 */
export function requireMember<T>(
  answer: unknown,
  member: string & keyof T,
  service: string,
  thing: string,
): T {
  const value = (answer as Record<string, unknown> | null | undefined)?.[member];
  if (typeof value === 'object' && value !== null) return answer as T;
  throw new ConnectorError(
    'THINGWORX_UNAVAILABLE',
    `The answer to ${service} on ${thing} lacks ${member}; is the extension of the sidecar's version imported?`,
  );
}

/** The error of a ReceiveUpdates that does not know the form of the batch says which extension knows it. */
export function explainVersion(thrown: unknown, hubThing: string): unknown {
  if (!(thrown instanceof ConnectorError) || !thrown.message.includes('REQUEST_INVALID: batch must be'))
    return thrown;
  return new ConnectorError(
    'THINGWORX_REJECTED',
    `ReceiveUpdates on ${hubThing} does not know the form of batches of this sidecar. Import the extension ${VERSION} into ThingWorx.`,
    { cause: thrown },
  );
}
