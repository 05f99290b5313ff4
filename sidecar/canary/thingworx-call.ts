import { ConnectorError, toConnectorError } from '../errors/connector-error.ts';
import { isOutage } from '../thingworx/client.ts';

/** ThingWorx has answered: the Thing is gone, or a right is missing. */
const SAYS_SOMETHING: ReadonlySet<string> = new Set(['THINGWORX_NOT_FOUND', 'THINGWORX_FORBIDDEN']);

/**
 * The result of a call of the canary to ThingWorx. Rejects with CANARY_SUSPENDED when ThingWorx does not answer: that says nothing about the paths
 * of the canary, and the hub shows the outage itself.
 */
export async function ofThingworx<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    const error = toConnectorError(thrown);
    if (!isOutage(error) || SAYS_SOMETHING.has(error.code)) throw error;
    throw new ConnectorError(
      'CANARY_SUSPENDED',
      `ThingWorx does not answer, so the canary cannot see what arrives: ${error.message}`,
      { cause: error },
    );
  }
}
