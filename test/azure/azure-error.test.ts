import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MessagingError } from '@azure/event-hubs';
import { RestError } from '@azure/storage-blob';
import common from 'azure-iot-common';
import { azureError, httpError, parseHubError, retryAfterMs } from '../../sidecar/azure/azure-error.ts';
import type { ErrorCode } from '../../sidecar/errors/catalogue.ts';
import { ConnectorError } from '../../sidecar/errors/connector-error.ts';

const { errors } = common;

const CONTEXT = {
  action: 'Reading the twin of dev-1',
  host: 'hub.azure-devices.net',
  right: 'ServiceConnect',
};
const SAS = 'SharedAccessSignature sr=hub&sig=c2VjcmV0&se=1700000000&skn=service';

function messaging(code: string, text = 'text'): MessagingError {
  return Object.assign(new MessagingError(text), { code });
}

function rest(statusCode: number, errorCode: string): RestError {
  const error = new RestError('The specified thing.\nRequestId:1', { statusCode, code: errorCode });
  error.details = { errorCode, message: 'The specified thing' };
  return error;
}

/** What azure-iothub throws: a named error with the whole response, request and its Authorization header included. */
function hubSdk(ErrorClass: new (text: string) => Error, status?: number, body = ''): Error {
  const response = {
    statusCode: status,
    headers: { 'retry-after': '7' },
    req: { _header: `Authorization: ${SAS}` },
  };
  return Object.assign(new ErrorClass('said'), status ? { response, responseBody: body } : {});
}

const TABLE: ReadonlyArray<readonly [string, unknown, ErrorCode]> = [
  ['AMQP refusal', messaging('UnauthorizedError'), 'AZURE_UNAUTHORIZED'],
  ['AMQP missing entity', messaging('MessagingEntityNotFoundError'), 'AZURE_NOT_FOUND'],
  ['AMQP steal', messaging('ReceiverDisconnectedError'), 'PARTITION_TAKEN'],
  ['AMQP busy', messaging('ServerBusyError'), 'AZURE_THROTTLED'],
  ['AMQP too many readers', messaging('QuotaExceededError'), 'QUOTA_EXCEEDED'],
  ['AMQP time-out', messaging('OperationTimeoutError'), 'AZURE_TIMEOUT'],
  ['AMQP refused connection', messaging('ECONNREFUSED'), 'AZURE_UNREACHABLE'],
  ['AMQP forced close', messaging('ConnectionForcedError'), 'AZURE_FAILED'],
  ['raw condition', { condition: 'amqp:unauthorized-access', description: 'no' }, 'AZURE_UNAUTHORIZED'],
  ['rhea SASL', new Error('Failed to authenticate: 1'), 'AZURE_UNAUTHORIZED'],
  ['storage missing container', rest(404, 'ContainerNotFound'), 'AZURE_NOT_FOUND'],
  ['storage refusal', rest(403, 'AuthorizationFailure'), 'AZURE_UNAUTHORIZED'],
  ['storage condition', rest(412, 'ConditionNotMet'), 'PRECONDITION_FAILED'],
  ['storage lease', rest(409, 'LeaseIdMissing'), 'AZURE_CONFLICT'],
  ['storage busy', rest(503, 'ServerBusy'), 'AZURE_THROTTLED'],
  ['storage unknown 5xx', rest(500, 'InternalError'), 'AZURE_FAILED'],
  ['storage unreachable', new RestError('getaddrinfo', { code: 'ENOTFOUND' }), 'AZURE_UNREACHABLE'],
  ['hub device', hubSdk(errors.DeviceNotFoundError), 'DEVICE_NOT_FOUND'],
  [
    'hub device by body',
    hubSdk(Error, 404, '{"Message":"ErrorCode:DeviceNotFound;E.g. no"}'),
    'DEVICE_NOT_FOUND',
  ],
  [
    'hub exists',
    hubSdk(errors.DeviceAlreadyExistsError, 409, '{"Message":"ErrorCode:DeviceAlreadyExists;x"}'),
    'DEVICE_EXISTS',
  ],
  [
    'hub offline',
    hubSdk(Error, 404, '{"Message":"{\\"errorCode\\":404103,\\"message\\":\\"offline\\"}"}'),
    'DEVICE_OFFLINE',
  ],
  [
    'hub method time-out',
    hubSdk(errors.GatewayTimeoutError, 504, '{"Message":"{\\"errorCode\\":504101}"}'),
    'DEVICE_TIMEOUT',
  ],
  ['hub etag', hubSdk(errors.InvalidEtagError, 412), 'PRECONDITION_FAILED'],
  ['hub throttled', hubSdk(errors.ThrottlingError, 429), 'AZURE_THROTTLED'],
  ['hub quota', hubSdk(errors.IotHubQuotaExceededError), 'QUOTA_EXCEEDED'],
  ['hub queue', hubSdk(errors.DeviceMaximumQueueDepthExceededError), 'DEVICE_QUEUE_FULL'],
  ['hub not connected', hubSdk(errors.NotConnectedError), 'AZURE_UNREACHABLE'],
  ['hub argument', hubSdk(errors.ArgumentError, 400), 'AZURE_REJECTED'],
  ['socket', Object.assign(new Error('connect ECONNRESET'), { code: 'ECONNRESET' }), 'AZURE_UNREACHABLE'],
  [
    'both addresses',
    new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]),
    'AZURE_UNREACHABLE',
  ],
  [
    'cause',
    new Error('outer', { cause: Object.assign(new Error('x'), { code: 'ETIMEDOUT' }) }),
    'AZURE_UNREACHABLE',
  ],
  [
    'certificate',
    Object.assign(new Error('self-signed'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    'CERTIFICATE_UNTRUSTED',
  ],
  ['abort', new DOMException('gone', 'AbortError'), 'AZURE_CANCELLED'],
  ['time-out', new DOMException('late', 'TimeoutError'), 'AZURE_TIMEOUT'],
  [
    'identity',
    Object.assign(new Error('no identity'), { name: 'CredentialUnavailableError' }),
    'AZURE_UNAUTHORIZED',
  ],
  ['unknown', new Error('what'), 'AZURE_FAILED'],
  ['text', 'what', 'AZURE_FAILED'],
  ['nothing', undefined, 'AZURE_FAILED'],
];

describe('errors of the Azure SDKs', () => {
  for (const [name, thrown, code] of TABLE) {
    test(`${name} is ${code}`, () => {
      const error = azureError(thrown, CONTEXT);
      assert.equal(error.code, code);
      assert.match(error.message, /^Reading the twin of dev-1: /);
      assert.equal(error.cause, undefined);
    });
  }

  test('a ConnectorError stays what it is', () => {
    const error = new ConnectorError('STOPPING', 'stops');
    assert.equal(azureError(error, CONTEXT), error);
  });

  test('a service that is silent or cannot be reached is named', () => {
    const context = { ...CONTEXT, host: 'hub.example.net' };
    assert.match(azureError(new DOMException('late', 'TimeoutError'), context).message, /hub\.example\.net/);
    assert.match(
      azureError(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }), context).message,
      /hub\.example\.net/,
    );
  });

  test('no secret gets into message or details', () => {
    const error = hubSdk(
      errors.UnauthorizedError,
      401,
      `{"Message":"ErrorCode:IotHubUnauthorizedAccess;bad token ${SAS}"}`,
    );
    const mapped = azureError(error, CONTEXT);
    assert.equal(mapped.code, 'AZURE_UNAUTHORIZED');
    assert.doesNotMatch(JSON.stringify([mapped.message, mapped.details, mapped.stack]), /c2VjcmV0/);
    assert.match(mapped.message, /ServiceConnect/);
  });

  test('the wait that the service asks for is kept', () => {
    assert.equal(azureError(hubSdk(errors.ThrottlingError, 429), CONTEXT).retryAfterMs, 7000);
    assert.equal(httpError({ status: 429, retryAfterMs: 1500 }, CONTEXT).retryAfterMs, 1500);
  });

  test('Retry-After in seconds, as a date, or nonsense', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    assert.equal(retryAfterMs('5', now), 5000);
    assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000);
    assert.equal(retryAfterMs('Wed, 31 Dec 2025 00:00:30 GMT', now), 0);
    assert.equal(retryAfterMs('999999', now), 3_600_000);
    for (const text of ['', null, undefined, 'soon', '-1']) assert.equal(retryAfterMs(text, now), undefined);
  });

  test("the forms of IoT Hub's error bodies", () => {
    assert.deepEqual(
      parseHubError(
        '{"Message":"ErrorCode:DeviceNotFound;no such","ExceptionMessage":"Tracking ID:abc-G:0-TimeStamp:x"}',
      ),
      { code: 'DeviceNotFound', message: 'no such', requestId: 'abc-G' },
    );
    assert.deepEqual(
      parseHubError(
        JSON.stringify({ Message: JSON.stringify({ errorCode: 404103, message: 'off', trackingId: 't' }) }),
      ),
      {
        code: '404103',
        message: 'off',
        requestId: 't',
      },
    );
    assert.deepEqual(parseHubError('<html>'), { message: '<html>' });
    assert.deepEqual(parseHubError('{"Message":"plain"}'), { message: 'plain' });
  });

  test('long and many-lined texts are cut to one line', () => {
    const error = azureError(new Error(`first line\n${'x'.repeat(10_000)}`), CONTEXT);
    assert.match(error.message, /\(Azure: first line\)$/);
    assert.ok(azureError(new Error('y'.repeat(10_000)), CONTEXT).message.length < 600);
  });
});

test('what no URL or header can hold is a fault of the request', () => {
  const thrown: Error[] = [
    Object.assign(new TypeError('Invalid character in header content ["x"]'), { code: 'ERR_INVALID_CHAR' }),
    Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' }),
  ];
  try {
    encodeURIComponent('\ud800');
  } catch (error) {
    thrown.push(error as Error);
  }
  assert.equal(thrown.length, 3);
  for (const error of thrown) assert.equal(azureError(error, CONTEXT).code, 'REQUEST_INVALID', error.message);
});
