import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ServiceDefinition } from '../../sidecar/entities/model.ts';
import { ERRORS, type ErrorCode } from '../../sidecar/errors/catalogue.ts';
import { forEachConcurrently } from '../../sidecar/lib/concurrency.ts';
import { Factory } from './factory.ts';
import { methodNames, oddValues, usualValue } from './odd-values.ts';
import { ask, createHosts, HOSTS } from './service-hosts.ts';

/** What would end the connection that the others need. */
const SKIPPED = new Set(['Disconnect', 'DisconnectStorage']);

/** What the platform says when a value has not the base type of its parameter: it then never comes to a script. */
const PLATFORM_REFUSAL =
  /JSONException|JSONObject\[|cannot be converted|Unable to convert|Invalid|not a valid|could not/i;

/** What a script or the sidecar says by mistake. */
const RAW =
  /TypeError|ReferenceError|SyntaxError|RangeError|INTERNAL|java\.|mozilla|\[object |undefined|\bat [\w.]+ \(/;

interface Call {
  readonly service: string;
  /** The parameters of the service, of which an error must name one. */
  readonly parameters: readonly string[];
  readonly body: string;
}

function callOf({ name, parameters }: ServiceDefinition, given: Readonly<Record<string, string>>): Call {
  const members = parameters.flatMap((parameter) => {
    const value = given[parameter.name] ?? (parameter.isRequired ? usualValue(parameter, name) : undefined);
    return value === undefined ? [] : [`${JSON.stringify(parameter.name)}:${value}`];
  });
  return {
    service: name,
    parameters: parameters.map((parameter) => parameter.name),
    body: `{${members.join(',')}}`,
  };
}

/** Each parameter with each odd value, and each pair of optional parameters with usual ones. */
function callsOf(service: ServiceDefinition): Call[] {
  const { parameters, name } = service;
  const optional = parameters.filter(({ isRequired }) => !isRequired);
  return [
    ...parameters.flatMap((parameter) =>
      oddValues(parameter).map((value) => callOf(service, { [parameter.name]: value })),
    ),
    ...optional.flatMap((one, index) =>
      optional
        .slice(index + 1)
        .map((other) =>
          callOf(service, { [one.name]: usualValue(one, name), [other.name]: usualValue(other, name) }),
        ),
    ),
  ];
}

describe('odd values for every parameter of every service', () => {
  const factory = new Factory();
  before(async () => {
    await factory.start();
    await createHosts(factory);
    const client = await factory.connect('odd');
    for (const name of ['odd', ...methodNames()])
      client.onDeviceMethod(name, (request, response) => void response.send(200, request.payload));
  });
  after(() => factory.stop());

  /** Why the answer is not one that a user can work with; undefined when it is. */
  async function fault(thing: string, { service, parameters, body }: Call): Promise<string | undefined> {
    const { ok, text, said } = await ask(factory, thing, service, body);
    if (ok) return undefined;
    const wrong = (reason: string) =>
      `${service} ${body.slice(0, 200)}: ${reason}: ${(said ?? text).slice(0, 300)}`;
    if (said === undefined) return PLATFORM_REFUSAL.test(text) ? undefined : wrong('no code');
    const code = /^([A-Z]+(?:_[A-Z]+)*): /.exec(said)?.[1];
    // An odd timeoutSeconds means one second, which a busy machine may exceed.
    const isShort = service === 'CallSidecar' && body.includes('"timeoutSeconds":');
    if (isShort && code === 'SIDECAR_TIMEOUT') return undefined;
    if (code === undefined || !(code in ERRORS)) return wrong('no code of the catalogue');
    if (RAW.test(said)) return wrong('raw words');
    const { status } = ERRORS[code as ErrorCode];
    // The storage emulator lacks some calls, and no device answers to some names of methods.
    const isSilent = service === 'InvokeMethod' && code === 'AZURE_TIMEOUT';
    const isKnown = said.includes('not implemented') || code === 'DEVICE_TIMEOUT' || isSilent;
    if (status >= 500 && !isKnown) return wrong(`status ${status}`);
    // CallSidecar hands on the input of another operation, whose members the error names.
    const named = service === 'CallSidecar' || parameters.some((parameter) => said.includes(parameter));
    return code === 'REQUEST_INVALID' && !named ? wrong('names no parameter') : undefined;
  }

  test('no service that takes JSON rounds a number or makes null of it', async () => {
    const faults: string[] = [];
    for (const { thing, services } of HOSTS) {
      for (const service of services) {
        // What the sidecar itself calls has numbers that were checked before, or that are counters.
        if (service.category === 'Inbound') continue;
        for (const { name, baseType } of service.parameters) {
          if (baseType !== 'JSON') continue;
          for (const number of ['9007199254740993', '-12345678901234567890', '1e400']) {
            const { body } = callOf(service, { [name]: `{"a":{"b":[1,{"c":${number}}]}}` });
            const answer = await ask(factory, thing, service.name, body);
            if (answer.ok || !answer.text.includes('REQUEST_INVALID: '))
              faults.push(`${service.name} ${body}: ${answer.text.slice(0, 200)}`);
          }
        }
      }
    }
    assert.deepEqual(faults, []);
  });

  for (const { entity, thing, services } of HOSTS) {
    test(entity, { timeout: 280_000 }, async () => {
      const faults: string[] = [];
      const called = services.filter(({ name }) => !SKIPPED.has(name));
      await forEachConcurrently(called.flatMap(callsOf), 8, async (call) => {
        const found = await fault(thing, call);
        if (found !== undefined) faults.push(found);
      });
      assert.deepEqual(faults, []);
      assert.equal((await factory.hub('GetStatus')).state, 'running');
    });
  }
});
