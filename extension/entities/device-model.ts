import {
  ADMINISTRATORS,
  type EventDefinition,
  type FieldDefinition,
  INNER_CATEGORY,
  permit,
  permitAll,
  type ServiceDefinition,
  SIDECAR_GROUP,
  type ThingShape,
} from '../../sidecar/entities/model.ts';
import { MODEL_SHAPE } from '../../sidecar/models/names.ts';
import { handWritten } from '../generate/scripts.ts';
import { permitFrom, permitInside } from './roles.ts';

const MODEL = 'Model';

const json = (name: string, description: string): FieldDefinition => ({
  name,
  baseType: 'JSON',
  description,
});
const text = (name: string, description: string): FieldDefinition => ({
  name,
  baseType: 'STRING',
  description,
});
const required = (field: FieldDefinition): FieldDefinition => ({ ...field, isRequired: true });

const callParameters: readonly FieldDefinition[] = [
  required(
    text('method', 'The direct method: the name of the command, of a component after its name and *.'),
  ),
  json('content', 'What the command is given, as the member value.'),
  json(
    'requestType',
    'The type of what it is given, as the members type, name and optional; empty: it takes nothing.',
  ),
  required(json('resultType', 'The type of what it answers, as the member type; empty: it answers nothing.')),
];

const component = text('component', 'The component of the property; empty: none.');

const services: readonly ServiceDefinition[] = [
  {
    name: 'CallCommand',
    category: MODEL,
    description: 'Called by the services of a model: calls a command whose answer is one value, or nothing.',
    parameters: callParameters,
    result: {
      baseType: 'JSON',
      description: 'The answer as the member result; without it when there is none.',
    },
    script: handWritten('CallCommand'),
  },
  {
    name: 'CallCommandForTable',
    category: MODEL,
    description: 'Called by the services of a model: calls a command whose answer is an object or an array.',
    parameters: callParameters,
    result: { baseType: 'INFOTABLE', description: 'The answer; no row when there is none.' },
    script: handWritten('CallCommandForTable'),
  },
  {
    name: 'WriteProperty',
    category: MODEL,
    description:
      'Called by the subscriptions of a model: sends a writable property that somebody has set to the device.',
    parameters: [
      required(text('property', 'The property of this Thing.')),
      component,
      required(text('name', 'The name that the property has in the model.')),
      required(text('channel', 'desired, message or method.')),
      required(json('type', 'The type of the value, as the member type.')),
      required(json('content', 'The value, as the member value.')),
      { name: 'time', baseType: 'DATETIME', description: 'When it was set.' },
    ],
    result: { baseType: 'NOTHING', description: '' },
    script: handWritten('WriteProperty'),
  },
  {
    name: 'WriteByMethod',
    category: MODEL,
    description:
      'Called by WriteProperty: sends a value by a direct method without waiting for it. A failure fires PropertyWriteFailed.',
    parameters: [
      required(text('method', 'The direct method.')),
      required(json('content', 'The value, as the member value.')),
    ],
    result: { baseType: 'NOTHING', description: '' },
    isAsync: true,
    script: handWritten('WriteByMethod'),
  },
  {
    name: 'ReceiveTwin',
    category: MODEL,
    description:
      'Called by the subscriptions of a model: writes what the twin says to the properties of the model.',
    parameters: [
      required(text('section', 'desired or reported.')),
      component,
      required(
        json('properties', 'The properties by their names in the model: property, type and isWritable.'),
      ),
      json('before', 'The section before.'),
      json('after', 'The section now.'),
      json('attempted', 'After a refusal: what was to be set.'),
    ],
    result: { baseType: 'NOTHING', description: '' },
    script: handWritten('ReceiveTwin'),
  },
];

/** An event of Things of a model. */
export const propertyWriteFailed: EventDefinition = {
  name: 'PropertyWriteFailed',
  category: MODEL,
  description: 'A property that is sent by a direct method did not reach the device.',
  dataShape: 'AzureIoT.PropertyWriteFailed_DS',
};

/** What the Thing Templates that are made of models have in common. They implement AzureIoT.Device_TS as well, which names the device. */
export const modelShape: ThingShape = {
  kind: 'ThingShape',
  name: MODEL_SHAPE,
  description:
    'What Thing Templates made of device models need beside their own shapes: it calls commands, sends writable properties and takes what the twin says.',
  properties: [
    {
      name: 'commandTimeoutSeconds',
      baseType: 'INTEGER',
      description: 'How long the device may take to answer a command, in seconds.',
      category: MODEL,
      isPersistent: true,
      defaultValue: '15',
      minimum: 5,
      maximum: 300,
    },
    {
      name: 'connectTimeoutSeconds',
      baseType: 'INTEGER',
      description:
        'How long IoT Hub waits for a device that is not connected before a command fails, in seconds.',
      category: MODEL,
      isPersistent: true,
      defaultValue: '0',
      minimum: 0,
      maximum: 300,
    },
    {
      name: 'receivedValues',
      baseType: 'JSON',
      description:
        'The times of the last values that writable properties got from the twin; not to be edited.',
      category: INNER_CATEGORY,
      dataChangeType: 'NEVER',
    },
  ],
  services,
  events: [propertyWriteFailed],
  subscriptions: [],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    // What the services and subscriptions of models do, whoever sets them off.
    ...permitFrom('operator', 'ServiceInvoke', ['CallCommand', 'CallCommandForTable']),
    ...permitInside('ServiceInvoke', [
      ...services.map(({ name }) => name),
      'UpdatePropertyValues',
      'GetPropertyTime',
    ]),
    ...permitInside('PropertyRead', ['*']),
    ...permitInside('PropertyWrite', ['*']),
    ...permitInside('EventInvoke', ['PropertyWriteFailed']),
    ...permit('ServiceInvoke', SIDECAR_GROUP, ['WriteProperty', 'WriteByMethod', 'ReceiveTwin']),
    ...permit('EventInvoke', SIDECAR_GROUP, ['PropertyWriteFailed']),
  ],
};
