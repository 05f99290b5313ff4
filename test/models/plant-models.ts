/** Models of an invented plant, in the forms that models of devices have: components, a base, objects, arrays, events, commands. */
const CONTEXT = 'dtmi:dtdl:context;2';

export const VALVE_ID = 'dtmi:example:plant:Valve;1';
export const SKID_ID = 'dtmi:example:plant:Skid;2';

const ASSET = {
  '@context': CONTEXT,
  '@id': 'dtmi:example:plant:Asset;1',
  '@type': 'Interface',
  displayName: { de: 'Anlage', en: 'Asset' },
  contents: [
    { '@type': 'Property', name: 'serial', schema: 'string', description: 'Serial number' },
    { '@type': 'Property', name: 'commissioned', schema: 'date', writable: true },
  ],
};

export const VALVE = {
  '@context': [CONTEXT, 'dtmi:iotcentral:context;2'],
  '@id': VALVE_ID,
  '@type': 'Interface',
  displayName: 'Valve',
  contents: [
    { '@type': ['Telemetry', 'Temperature'], name: 'temperature', schema: 'double', unit: 'degreeCelsius' },
    {
      '@type': ['Property', 'NumberValue'],
      name: 'opening',
      displayName: 'Opening',
      schema: 'integer',
      writable: true,
      minValue: 0,
      maxValue: 100,
      unit: 'percent',
    },
    { '@type': 'Property', name: 'strokes', schema: 'long' },
    {
      '@type': 'Command',
      name: 'stroke',
      request: { name: 'since', schema: 'dateTime' },
      response: {
        name: 'summary',
        schema: {
          '@type': 'Object',
          fields: [
            { name: 'count', schema: 'integer' },
            { name: 'mean', schema: 'double' },
            { name: 'ended', schema: 'dateTime' },
          ],
        },
      },
    },
  ],
};

const SKID = {
  '@context': [CONTEXT, 'dtmi:iotcentral:context;2'],
  '@id': SKID_ID,
  '@type': 'Interface',
  displayName: 'Skid',
  extends: 'dtmi:example:plant:Asset;1',
  schemas: [
    {
      '@id': 'dtmi:example:plant:Skid:Position;1',
      '@type': 'Object',
      fields: [
        { name: 'x', schema: 'double' },
        { name: 'label', schema: 'string' },
      ],
    },
  ],
  contents: [
    { '@type': 'Component', name: 'inlet', schema: VALVE_ID },
    { '@type': 'Component', name: 'outlet', schema: VALVE_ID },
    { '@type': 'Telemetry', name: 'pressure', schema: 'float', unit: 'bar' },
    { '@type': 'Telemetry', name: 'position', schema: 'dtmi:example:plant:Skid:Position;1' },
    { '@type': 'Telemetry', name: 'samples', schema: { '@type': 'Array', elementSchema: 'double' } },
    { '@type': 'Telemetry', name: 'place', schema: 'point' },
    {
      '@type': ['Telemetry', 'Event'],
      name: 'overload',
      description: 'The pump was overloaded',
      schema: {
        '@type': 'Object',
        fields: [
          { name: 'ampere', schema: 'double' },
          { name: 'reason', schema: 'string' },
        ],
      },
    },
    {
      '@type': 'Property',
      name: 'mode',
      writable: true,
      schema: {
        '@type': 'Enum',
        valueSchema: 'integer',
        enumValues: [
          { name: 'manual', enumValue: 1 },
          { name: 'automatic', displayName: 'Automatic', enumValue: 2 },
        ],
      },
    },
    {
      '@type': 'Property',
      name: 'limits',
      writable: true,
      schema: {
        '@type': 'Object',
        fields: [
          { name: 'low', schema: 'double' },
          { name: 'high', schema: 'double' },
        ],
      },
    },
    {
      '@type': 'Command',
      name: 'blend',
      request: {
        name: 'recipe',
        schema: {
          '@type': 'Object',
          fields: [
            { name: 'default', schema: 'string' },
            { name: 'parts', schema: { '@type': 'Array', elementSchema: 'integer' } },
            { name: 'start', schema: 'dateTime' },
          ],
        },
      },
      response: { name: 'accepted', schema: 'boolean' },
    },
    { '@type': 'Command', name: 'reset' },
  ],
};

export const PLANT = [SKID, ASSET, VALVE];

/** The same kind of device in the short form. */
export const PUMP = {
  model: 'Factory.Pump',
  title: 'Pump',
  telemetry: {
    flow: { type: 'number', unit: 'litrePerSecond', minimum: 0, maximum: 12 },
    leak: { type: 'string', event: true },
    spectrum: { type: 'array', fields: { frequency: 'number', level: 'number' } },
  },
  properties: {
    firmware: 'string',
    setpoint: { type: 'number', writable: true, sendAs: 'message' },
    speed: { type: 'integer', writable: true, sendAs: 'method', unit: 'revolutionPerMinute' },
    mode: { type: 'string', values: ['manual', 'automatic'], writable: true },
  },
  commands: {
    prime: { parameters: { seconds: 'integer' }, result: 'string', method: 'Prime' },
  },
};
