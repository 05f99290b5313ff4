import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ServiceDefinition } from '../../sidecar/entities/model.ts';
import { Factory } from './factory.ts';
import { usualValue } from './odd-values.ts';
import { ask, createHosts, HOSTS } from './service-hosts.ts';

/** The parameters with usual values, some of them under names that the service does not have; ThingWorx drops those. */
function bodyOf(service: ServiceDefinition, isMisspelt: (parameter: string) => boolean): string {
  const members = service.parameters.map((parameter) => {
    const name = isMisspelt(parameter.name) ? `${parameter.name}_` : parameter.name;
    return `${JSON.stringify(name)}:${usualValue(parameter, service.name)}`;
  });
  return `{${members.join()}}`;
}

/** Services whose parameters are all optional, but which need one of them to do anything. */
const NEEDS_ONE = ['SendMessage', 'SendProperties', 'UpdateTwin', 'DeleteDeadLetters'];

describe('a call with misspelt parameters is refused', () => {
  const factory = new Factory();
  before(async () => {
    await factory.start();
    await createHosts(factory);
  });
  after(() => factory.stop());

  for (const { entity, thing, services } of HOSTS) {
    test(entity, async () => {
      const faults: string[] = [];
      for (const service of services) {
        const required = service.parameters.filter(({ isRequired }) => isRequired).map(({ name }) => name);
        const needed = NEEDS_ONE.includes(service.name)
          ? service.parameters.map(({ name }) => name)
          : required;
        if (needed.length === 0) continue;
        const { text, said } = await ask(
          factory,
          thing,
          service.name,
          bodyOf(service, () => true),
        );
        const isNamed = needed.some((name) => new RegExp(`\\b${name}\\b`).test(said ?? ''));
        if (!said?.startsWith('REQUEST_INVALID: ') || !isNamed)
          faults.push(`${service.name}: ${text.slice(0, 200)}`);
      }
      assert.deepEqual(faults, []);
    });
  }

  test('a file keeps its content when the content is misspelt, and an empty text is one', async () => {
    const read = () => factory.call('Odd.Files', 'LoadText', { path: '/odd.txt' });
    for (const [service, parameter] of [
      ['SaveText', 'content'],
      ['SaveBinary', 'content'],
      ['SaveImage', 'content'],
      ['CreateTextFile', 'data'],
      ['AppendToText', 'data'],
      ['AppendToTextFile', 'data'],
      ['WriteToTextFile', 'data'],
    ] as const) {
      await factory.call('Odd.Files', 'SaveText', { path: '/odd.txt', content: 'text' });
      const target = { path: '/odd.txt', overwrite: true };
      await assert.rejects(
        factory.call('Odd.Files', service, { ...target, text: 'new' }),
        new RegExp(`REQUEST_INVALID: ${parameter} is required`),
        service,
      );
      assert.equal(await read(), 'text', service);
      await factory.call('Odd.Files', service, { ...target, [parameter]: '' });
      assert.equal(await read(), /^(Append|Write)/.test(service) ? 'text' : '', service);
    }
  });
});
