import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MappingRule } from '../../../sidecar/translate/mapping/schema.ts';
import { message } from '../support.ts';
import { apply } from './support.ts';

/** Payloads as devices and gateways send them, each mapped without an expression. */
interface Payload {
  readonly body: unknown;
  readonly rule: MappingRule;
  /** Thing, time where the rule reads it, and values of each row. */
  readonly rows: readonly (readonly [thing: string, time: string | undefined, values: object])[];
}

const PAYLOADS: Readonly<Record<string, Payload>> = {
  'The Things Stack: all decoded fields by their own names': {
    body: {
      end_device_ids: { device_id: 'sensor-1' },
      received_at: '2026-05-25T13:42:11.412345678Z',
      uplink_message: {
        decoded_payload: { temperature_c: 29.9, battery_v: 3.62 },
        rx_metadata: [{ rssi: -68 }],
      },
    },
    rule: {
      each: 'uplink_message.decoded_payload',
      thing: '{$.end_device_ids.device_id}',
      time: '$.received_at',
    },
    rows: [['sensor-1', '2026-05-25T13:42:11.412Z', { temperature_c: 29.9, battery_v: 3.62 }]],
  },
  'The Things Stack: bytes of the raw payload': {
    body: { uplink_message: { frm_payload: 'MzOYQgAAHEINBA==' } },
    rule: {
      properties: {
        temperature: { path: 'uplink_message.frm_payload', bytes: { at: 0, type: 'float32le' } },
        humidity: { path: 'uplink_message.frm_payload', bytes: { at: 4, type: 'float32le' } },
        battery: { path: 'uplink_message.frm_payload', bytes: { at: -2, type: 'uint16be' } },
      },
    },
    rows: [['dev-1', undefined, { temperature: 76.0999984741211, humidity: 39, battery: 3332 }]],
  },
  'SenML (RFC 8428) with a base time and values of three kinds': {
    body: [
      { bn: 'urn:dev:A8:', bt: 1767323045 },
      { n: 'payload', vs: '031b15' },
      { n: 'port', v: 2 },
      { n: 'open', vb: true, t: -5 },
    ],
    rule: {
      each: '$[*]',
      where: { n: { exists: true } },
      time: { path: 't', unit: 's', base: '$[0].bt' },
      properties: { '{n}': { path: ['v', 'vs', 'vb'] } },
    },
    rows: [
      ['dev-1', '2026-01-02T03:04:05.000Z', { payload: '031b15' }],
      ['dev-1', '2026-01-02T03:04:05.000Z', { port: 2 }],
      ['dev-1', '2026-01-02T03:04:00.000Z', { open: true }],
    ],
  },
  'Sparkplug B as JSON': {
    body: {
      metrics: [
        { name: 'Inputs/Temp 1', timestamp: 1767323044000, value: 1.25 },
        { name: 'Inputs/Gone', timestamp: 1767323044000, is_null: true, value: 0 },
      ],
    },
    rule: {
      each: 'metrics[*]',
      where: { is_null: { not: true } },
      time: 'timestamp',
      properties: { '{name}': 'value' },
    },
    rows: [['dev-1', '2026-01-02T03:04:04.000Z', { Inputs_Temp_1: 1.25 }]],
  },
  'Teltonika: ids as keys, position as text': {
    body: { state: { reported: { '66': 12431, '239': 1, ts: 1767323045000, latlng: '54.6665,25.2611' } } },
    rule: {
      time: 'state.reported.ts',
      properties: {
        io_239: 'state.reported["239"]',
        io_66: { path: 'state.reported["66"]', scale: 0.001 },
        position: { path: 'state.reported.latlng', baseType: 'LOCATION' },
      },
    },
    rows: [
      [
        'dev-1',
        '2026-01-02T03:04:05.000Z',
        { io_239: 1, io_66: 12.431, position: { latitude: 54.6665, longitude: 25.2611, elevation: 0 } },
      ],
    ],
  },
  'Shelly: seconds with a fraction': {
    body: {
      method: 'NotifyStatus',
      params: { ts: 1767323045.48, 'switch:0': { apower: 375, output: true } },
    },
    rule: {
      when: { body: { method: 'NotifyStatus' } },
      time: { path: 'params.ts', unit: 's' },
      properties: { power: 'params["switch:0"].apower', on: 'params["switch:0"].output' },
    },
    rows: [['dev-1', '2026-01-02T03:04:05.480Z', { power: 375, on: true }]],
  },
  'Tasmota: local time of a zone, numbers as text': {
    body: { Time: '2026-01-02T07:17:52', ENERGY: { Today: '0.024' } },
    rule: {
      time: { path: 'Time', zone: 'America/Los_Angeles' },
      properties: { today: { path: 'ENERGY.Today', baseType: 'NUMBER' } },
    },
    rows: [['dev-1', '2026-01-02T15:17:52.000Z', { today: 0.024 }]],
  },
  'KEPServerEX IoT Gateway': {
    body: { values: [{ id: 'Channel1.Device1.Tag1', v: 1121, q: true, t: 1767323044342 }] },
    rule: { each: 'values[*]', time: 't', quality: 'q', properties: { '{id}': 'v' } },
    rows: [['dev-1', '2026-01-02T03:04:04.342Z', { Channel1_Device1_Tag1: 1121 }]],
  },
  'ThingsBoard gateway: the name of the device is the key': {
    body: {
      pump: [
        { ts: 1767323045000, values: { temperature: 42 } },
        { ts: 1767323046000, values: { temperature: 43 } },
      ],
      fan: [{ ts: 1767323045000, values: { temperature: 7, speed: 3 } }],
    },
    rule: { each: '$.*[*].values', thing: '{^^$key}', time: '^.ts' },
    rows: [
      ['pump', '2026-01-02T03:04:05.000Z', { temperature: 42 }],
      ['pump', '2026-01-02T03:04:06.000Z', { temperature: 43 }],
      ['fan', '2026-01-02T03:04:05.000Z', { temperature: 7, speed: 3 }],
    ],
  },
  'Telegraf: all fields by their own names, the Thing from a tag': {
    body: { metrics: [{ fields: { cpu: 1.5, mem: 40 }, tags: { host: 'web' }, timestamp: 1767323045 }] },
    rule: { each: 'metrics[*].fields', thing: '{^.tags.host}', time: { path: '^.timestamp', unit: 's' } },
    rows: [['web', '2026-01-02T03:04:05.000Z', { cpu: 1.5, mem: 40 }]],
  },
  'columns: parallel arrays': {
    body: { t: [1767323045, 1767323046], temp: [20, 21] },
    rule: { each: 't[*]', time: { path: '@', unit: 's' }, properties: { temp: '$.temp[$index]' } },
    rows: [
      ['dev-1', '2026-01-02T03:04:05.000Z', { temp: 20 }],
      ['dev-1', '2026-01-02T03:04:06.000Z', { temp: 21 }],
    ],
  },
  'pairs of time and value': {
    body: [[1767323045, 20]],
    rule: { each: '$[*]', time: { path: '@[0]', unit: 's' }, properties: { temp: '@[1]' } },
    rows: [['dev-1', '2026-01-02T03:04:05.000Z', { temp: 20 }]],
  },
  'the name of the property is a value': {
    body: { measurename: 'Water Temp', timecreated: '2026-01-02T03:04:05', value: '37.10' },
    rule: { time: 'timecreated', properties: { '{measurename}': { path: 'value', baseType: 'NUMBER' } } },
    rows: [['dev-1', '2026-01-02T03:04:05.000Z', { Water_Temp: 37.1 }]],
  },
  'Azure IoT Edge simulated temperature sensor: names of two levels': {
    body: {
      machine: { temperature: 21.1 },
      ambient: { humidity: 25 },
      timeCreated: '2026-01-02T03:04:05.1234567Z',
    },
    rule: { each: '$.*.*', prefix: '', time: '$.timeCreated', properties: { '{^$key}_{$key}': '@' } },
    rows: [
      ['dev-1', '2026-01-02T03:04:05.123Z', { machine_temperature: 21.1 }],
      ['dev-1', '2026-01-02T03:04:05.123Z', { ambient_humidity: 25 }],
    ],
  },
  'homebridge: ON and OFF': {
    body: { POWER: 'ON', Switch2: 'OFF' },
    rule: {
      properties: {
        on: { path: 'POWER', map: { ON: true, OFF: false } },
        on2: { path: 'Switch2', map: { ON: true, OFF: false } },
      },
    },
    rows: [['dev-1', undefined, { on: true, on2: false }]],
  },
  'Ruuvi gateway: a Thing for each tag, named without colons': {
    body: {
      data: { tags: { 'AA:BB:CC:DD:EE:01': { rssi: -76, timestamp: 1767323045, data: '0201061BFF99' } } },
    },
    rule: {
      each: 'data.tags.*',
      thing: 'ruuvi-{$key|compact}',
      time: { path: 'timestamp', unit: 's' },
      properties: {
        rssi: 'rssi',
        last: { path: 'data', bytes: { at: -1, type: 'uint8', encoding: 'hex' } },
      },
    },
    rows: [['ruuvi-AABBCCDDEE01', '2026-01-02T03:04:05.000Z', { rssi: -76, last: 153 }]],
  },
  'MXChip: a bare nan': {
    body: Buffer.from('{"messageId":1,"temperature":nan,"humidity":-Infinity,"note":"nan"}'),
    rule: {
      body: 'lenient',
      properties: {
        id: 'messageId',
        temperature: 'temperature',
        note: { path: 'note', baseType: 'STRING' },
      },
    },
    rows: [['dev-1', undefined, { id: 1, note: 'nan' }]],
  },
  'IoT Central bridge: a component as an object of the body': {
    body: { thermostat2: { temperature: 18.57, __t: 'c' }, fan: { speed: 1 } },
    rule: {
      each: '$.*.*',
      where: { '^.__t': 'c', $key: { not: '__t' } },
      properties: { '{^$key}_{$key}': '@' },
    },
    rows: [['dev-1', undefined, { thermostat2_temperature: 18.57 }]],
  },
  'Dapr: properties of the message': {
    body: { t: 1 },
    rule: { properties: { site: '$message.properties["my site"]' } },
    rows: [['dev-1', undefined, { site: 'Ulm' }]],
  },
  'decimal comma, thousands and units in text': {
    body: { t: '24,39', u: '1.234,5', v: '21.5 °C', w: '45%', x: 7 },
    rule: {
      properties: {
        t: { path: 't', number: ',' },
        u: { path: 'u', number: ',' },
        v: { path: 'v', number: '.' },
        w: { path: 'w', number: '.' },
        x: { path: 'x', number: '.' },
      },
    },
    rows: [['dev-1', undefined, { t: 24.39, u: 1234.5, v: 21.5, w: 45, x: 7 }]],
  },
  'a position in two members': {
    body: { gps: { y: 48.1, x: 11.6 }, alt: 520 },
    rule: {
      properties: { position: { location: { latitude: 'gps.y', longitude: 'gps.x', elevation: 'alt' } } },
    },
    rows: [['dev-1', undefined, { position: { latitude: 48.1, longitude: 11.6, elevation: 520 } }]],
  },
  'JSON in a member': {
    body: { payload: '{"temp":20,"list":[{"v":1},{"v":2}]}' },
    rule: { properties: { temp: 'payload.temp', last: 'payload.list[-1].v' } },
    rows: [['dev-1', undefined, { temp: 20, last: 2 }]],
  },
  'JSON in a member, by its own keys': {
    body: { payload: '{"temp":20,"hum":4}' },
    rule: { each: 'payload' },
    rows: [['dev-1', undefined, { temp: 20, hum: 4 }]],
  },
  '.NET: ticks': {
    body: Buffer.from('{"ts":639029198450000000,"at":639029198450000000,"v":1}'),
    rule: {
      time: { path: 'ts', unit: 'ticks' },
      properties: { v: 'v', at: { path: 'at', unit: 'ticks' } },
    },
    rows: [['dev-1', '2026-01-02T03:04:05.000Z', { v: 1, at: Date.UTC(2026, 0, 2, 3, 4, 5) }]],
  },
};

describe('payloads of the field without expressions', () => {
  for (const [name, { body, rule, rows }] of Object.entries(PAYLOADS)) {
    test(name, async () => {
      const over = { applicationProperties: { 'my site': 'Ulm' } };
      const { translation, rows: actual } = await apply([rule], message(body, over), {
        settings: { distinctTimes: false },
      });
      assert.deepEqual(translation.refusals, []);
      assert.deepEqual(
        actual,
        rows.map(([thing, , values]) => [thing, values]),
      );
      rows.forEach(([, time], i) => {
        if (time !== undefined)
          assert.equal(new Date(translation.updates[i]?.timeMs ?? 0).toISOString(), time);
      });
    });
  }
});
