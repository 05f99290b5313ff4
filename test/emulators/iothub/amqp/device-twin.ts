/** The twin of a device over AMQP: requests on one link, answers and changes of desired properties on another. */
import rhea, { type Message } from 'rhea';
import type { DeviceTwins } from '../hub.ts';
import { HubError } from '../hub-error.ts';
import type { Identities } from '../identities.ts';
import type { Quotas } from '../quotas.ts';
import type { AmqpDeviceSession } from './device-session.ts';
import { bodyOf } from './messages.ts';

export interface TwinParts {
  identities: Identities;
  twins: DeviceTwins;
  quotas: Quotas;
}

const DESIRED = '/notifications/twin/properties/desired';
const REPORTED = '/properties/reported';

/** Operation and resource are message annotations; the answer has the status there, or the error in its body. */
export function answerTwin(parts: TwinParts, session: AmqpDeviceSession, request: Message): void {
  const { types, message } = rhea;
  const annotations = (request.message_annotations ?? {}) as Record<string, unknown>;
  let answer: { status: number; body?: unknown; version?: number };
  try {
    answer = twinOperation(
      parts,

      session,
      `${annotations.operation} ${annotations.resource ?? ''}`.trim(),
      request,
    );
  } catch (error) {
    const { status, code, trackingId, message: text } = HubError.from(error);
    const timestampUtc = new Date().toISOString();
    answer = { status, body: { errorCode: code, trackingId, message: text, timestampUtc } };
  }
  session.twinLink?.send({
    correlation_id: request.correlation_id,
    message_annotations: {
      status: types.wrap_int(answer.status),
      ...(answer.version === undefined ? {} : { version: types.wrap_long(answer.version) }),
    },
    body: message.data_section(Buffer.from(answer.body === undefined ? '' : JSON.stringify(answer.body))),
  } as never);
}

function twinOperation(parts: TwinParts, session: AmqpDeviceSession, operation: string, request: Message) {
  const { twins, identities, quotas } = parts;
  const { deviceId, moduleId } = session;
  identities.touch(deviceId, moduleId);
  switch (operation) {
    case 'GET':
      quotas.take('twinRead');
      return { status: 200, body: twins.getDeviceView(deviceId, moduleId) };
    case `PATCH ${REPORTED}`:
    case `PATCH ${REPORTED}/`: {
      quotas.take('twinWrite');
      const version = twins.patchReported(deviceId, moduleId, parseJson(bodyOf(request)));
      return { status: 200, version };
    }
    case `PUT ${DESIRED}`:
      session.wantsDesired = true;
      return { status: 200 };
    case `DELETE ${DESIRED}`:
      session.wantsDesired = false;
      return { status: 200 };
    default:
      throw new HubError('ArgumentInvalid', `Unknown twin operation ${operation}`);
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HubError('IotHubFormatError', 'The body is not JSON');
  }
}
