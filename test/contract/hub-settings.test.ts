import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  HubSettings,
  HubSettingsInput,
  reopensConsumer,
  SECRET_NAMES,
  SETTING_NAMES,
  type HubSettings as Settings,
  settingFacts,
  settingsProblem,
  withDefaults,
} from '../../sidecar/contract/hub-settings.ts';
import { baseTypeOf, factsOf } from '../../sidecar/contract/schema.ts';
import { Validation } from '../../sidecar/http/validation.ts';
import { connect } from '../../sidecar/operations/connection.ts';
import type { Operation } from '../../sidecar/operations/operation.ts';

const check = new Validation().forInput(connect as unknown as Operation);

function accept(settings: Record<string, unknown>): Record<string, unknown> {
  const { input, invalid } = check({ hub: 'h' }, {}, { settings, secretNames: [] });
  for (const error of invalid.values()) throw error;
  return input.settings as Record<string, unknown>;
}

function refuse(settings: Record<string, unknown>, pattern: RegExp): void {
  assert.throws(() => accept(settings), { code: 'REQUEST_INVALID', message: pattern });
}

describe('the settings of a hub', () => {
  test('all have title, description and category', () => {
    for (const name of SETTING_NAMES) {
      const schema = HubSettings.properties[name] as { title?: string };
      assert.ok(schema.title, name);
      assert.match(String(factsOf(HubSettings.properties[name]).description), /\.$/, name);
      assert.ok(settingFacts(name).category, name);
    }
  });

  test('that are secret are PASSWORD properties and no part of the body', () => {
    assert.deepEqual(
      SETTING_NAMES.filter((name) => settingFacts(name).secret).sort(),
      [...SECRET_NAMES].sort(),
    );
    for (const name of SECRET_NAMES) {
      assert.equal(baseTypeOf(HubSettings.properties[name]), 'PASSWORD');
      assert.ok(!(name in HubSettingsInput.properties), name);
      refuse({ [name]: 'x' }, /is not known/);
    }
  });

  test('have defaults that are valid, filled in alike by validation and by withDefaults', () => {
    assert.deepEqual(accept({}), withDefaults({}));
    assert.deepEqual(accept(withDefaults({})), withDefaults({}));
    assert.equal(withDefaults({ enabled: false }).enabled, false);
  });

  test('take what is documented', () => {
    const good = {
      startPosition: [
        'latest',
        'earliest',
        '2026-01-31T12:00:00Z',
        '2026-01-31T12:00+01:00',
        '2026-01-31T12:00:00.1234567Z',
      ],
      consumerGroup: ['$Default', 'thingworx', 'a.b_c-d'],
      hostName: ['my-hub.azure-devices.net', 'localhost:8883'],
      checkpointContainer: ['abc', 'thingworx-checkpoints'],
      mappings: [{}, { rules: [] }],
      unknownProperty: ['ignore', 'create', 'dead-letter'],
    };
    for (const [name, values] of Object.entries(good)) {
      for (const value of values) assert.deepEqual(accept({ [name]: value })[name], value);
    }
  });

  test('refuse the rest by name and expectation', () => {
    refuse({ startPosition: '31.01.2026' }, /settings\.startPosition .* expected latest, earliest or a time/);
    refuse({ consumerGroup: 'a b' }, /settings\.consumerGroup .* expected the name of a consumer group/);
    refuse({ hostName: 'https://my-hub.azure-devices.net' }, /settings\.hostName .* expected a host name/);
    refuse({ checkpointContainer: 'a--b' }, /settings\.checkpointContainer .* single hyphens/);
    refuse({ checkpointContainer: 'Ab' }, /settings\.checkpointContainer/);
    refuse({ mappings: [] }, /settings\.mappings is a list of 0; expected a JSON object/);
    refuse(
      { messagesInFlightPerPartition: 1.5 },
      /settings\.messagesInFlightPerPartition is 1\.5; expected a whole number/,
    );
    refuse({ enabled: 1 }, /settings\.enabled is 1; expected true or false/);
    refuse({ deviceTemplate: '' }, /settings\.deviceTemplate is empty/);
  });
});

describe('complete settings', () => {
  const settings = (part: Partial<Settings>): Settings => ({ ...withDefaults({}), ...part });

  test('need something to connect to', () => {
    assert.match(String(settingsProblem(settings({}))), /iotHubConnectionString is not set/);
    assert.match(String(settingsProblem(settings({ hostName: 'h' }))), /eventHubConnectionString is not set/);
    assert.equal(settingsProblem(settings({ iotHubConnectionString: 'x' })), undefined);
    assert.equal(settingsProblem(settings({ eventHubConnectionString: 'x' })), undefined);
  });

  test('reopen the consumer only for what it depends on', () => {
    const before = settings({ iotHubConnectionString: 'x' });
    assert.equal(reopensConsumer(before, { ...before }), false);
    assert.equal(
      reopensConsumer(before, { ...before, maxRowsPerCall: 5, mappings: {}, logPayloads: true }),
      false,
    );
    assert.equal(reopensConsumer(before, { ...before, consumerGroup: 'other' }), true);
    assert.equal(reopensConsumer(before, { ...before, iotHubConnectionString: 'y' }), true);
  });
});
