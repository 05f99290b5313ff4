import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PasswordCipher } from '../thingworx/password-cipher.ts';
import { defaultScriptSwitches } from '../thingworx/script-switches.ts';
import { Location, Password, type PlatformValue } from '../thingworx/values.ts';
import { ScriptFixture, scriptService } from './script-fixture.ts';

const inspect = `
  result = {
    isArray: Array.isArray(data.array), length: data.array.length, first: data.array[0], map: typeof data.array.map,
    normal: JSON.parse(JSON.stringify(data)), keys: Object.keys(data).join(), inner: Array.isArray(data.array[1].list)
  };`;

describe('values in scripts', () => {
  let fixture: ScriptFixture;
  before(() => {
    fixture = new ScriptFixture({}, { data: 'JSON', place: 'LOCATION', bytes: 'BLOB', secret: 'PASSWORD' });
  });
  after(() => fixture.stop());

  const data = { array: [1, { list: [2] }] };

  test('JSON is Java-backed: arrays are no arrays', async () => {
    assert.deepEqual(await fixture.run(inspect, { variables: { data } }), {
      isArray: false,
      length: 2,
      first: 1,
      map: 'undefined',
      normal: data,
      keys: 'array',
      inner: false,
    });
  });

  test('JSON keeps every key', async () => {
    const hostile = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "": 3}') as Record<string, never>;
    const source = 'result = JSON.parse(JSON.stringify(data));';
    assert.equal(
      JSON.stringify(await fixture.run(source, { variables: { data: hostile } })),
      JSON.stringify(hostile),
    );
  });

  test('a JSON value that a script gives back', async () => {
    assert.deepEqual(await fixture.run('result = data;', { variables: { data } }), data);
    assert.deepEqual(await fixture.run('result = [1, undefined, {a: undefined}];'), { array: [1, null, {}] });
    assert.deepEqual(await fixture.run('me.data = [1]; result = me.data;'), { array: [1] });
  });

  test('locations, bytes and numbers', async () => {
    const source = 'result = {lat: p.latitude, el: p.elevation, n: b.length, signed: b[0], nan: x !== x};';
    const variables: Record<string, PlatformValue> = {
      p: new Location(1, 2, 3),
      b: Uint8Array.from([255, 1]),
      x: Number.NaN,
    };
    assert.deepEqual(await fixture.run(source, { variables }), {
      lat: 1,
      el: 3,
      n: 2,
      signed: -1,
      nan: true,
    });
    await fixture.run('me.place = {latitude: 5, longitude: 6}; me.bytes = b;', { variables });
    assert.deepEqual(fixture.platform.get('T', 'place'), new Location(5, 6, 0));
    assert.deepEqual(fixture.platform.get('T', 'bytes'), Uint8Array.from([255, 1]));
  });

  test('results are converted to the declared type', async () => {
    assert.equal(await fixture.run('result = 12.7;', { result: 'INTEGER' }), 12);
    assert.equal(await fixture.run('result = 12.5;', { result: 'STRING' }), '12.5');
    assert.deepEqual(await fixture.run('result = new Date(7);', { result: 'DATETIME' }), new Date(7));
    await assert.rejects(fixture.run('result = "x";', { result: 'NUMBER' }), {
      message: /Unable To Convert From java.lang.String to NUMBER/,
    });
  });
});

test('JSON as ordinary arrays, where that is switched on', async () => {
  const fixture = new ScriptFixture({ switches: { ...defaultScriptSwitches, jsonInScripts: 'native' } });
  try {
    const variables = { data: { array: [1, { list: [2] }] } };
    const result = (await fixture.run(inspect, { variables })) as {
      isArray: boolean;
      map: string;
      inner: boolean;
    };
    assert.deepEqual([result.isArray, result.map, result.inner], [true, 'function', true]);
  } finally {
    await fixture.stop();
  }
});

describe('passwords in scripts', () => {
  for (const mode of ['clear', 'encrypted', 'masked'] as const) {
    test(mode, async () => {
      const cipher = new PasswordCipher();
      const switches = { ...defaultScriptSwitches, passwordInScripts: mode };
      const fixture = new ScriptFixture({ cipher, switches }, { secret: 'PASSWORD', other: 'PASSWORD' });
      const received: PlatformValue[] = [];
      const service = scriptService('Use', '', 'NOTHING', { password: 'PASSWORD' });
      fixture.platform.addNative('Things', 'N', service, (_call, { password = null }) => {
        received.push(password);
        return null;
      });
      fixture.platform.set('T', 'secret', new Password('s3cret'));
      try {
        const source = `
          Things.N.Use({password: me.secret}); me.other = me.secret; Things.N.Use({password: "typed"});
          result = String(me.secret) + "|" + (me.other ? "set" : "");`;
        const shown = (await fixture.run(source, { result: 'STRING' })) as string;
        assert.deepEqual(received, [new Password('s3cret'), new Password('typed')]);
        assert.deepEqual(fixture.platform.get('T', 'other'), new Password('s3cret'));
        assert.equal(shown.includes('s3cret'), mode === 'clear');
        assert.equal(shown.endsWith('|set'), true);
        if (mode === 'encrypted') {
          assert.equal(cipher.decrypt(shown.split('|')[0] as string), 's3cret');
        }
      } finally {
        await fixture.stop();
      }
    });
  }
});
