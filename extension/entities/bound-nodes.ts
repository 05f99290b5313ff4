import {
  ADMINISTRATORS,
  type DataShape,
  type EventDefinition,
  permit,
  permitAll,
  type ServiceDefinition,
  SIDECAR_GROUP,
  type ThingShape,
  type ThingTemplate,
} from '../../sidecar/entities/model.ts';
import { TAKEN_NAMES } from '../../sidecar/models/names.ts';
import { NodeBinding } from '../../sidecar/operations/opc-publisher/binding-members.ts';
import { rowTypes } from '../generate/operation-script.ts';
import { handWritten, script } from '../generate/scripts.ts';
import { fromSchema, text, time } from './data-shapes.ts';
import { permitFrom, permitInside, permitListing, VALUE_SERVICES } from './roles.ts';

const CATEGORY = 'OPC UA bindings';
/** What scripts need that read or write the table of bindings. */
const bindingConstants = { BINDING_FIELDS: rowTypes(NodeBinding) };

export const boundNodesDataShapes: readonly DataShape[] = [
  fromSchema('AzureIoT.NodeBinding_DS', NodeBinding, ['property']),
  {
    kind: 'DataShape',
    name: 'AzureIoT.NodeWriteFailed_DS',
    description: 'The event NodeWriteFailed of a Thing with bound nodes.',
    fields: [
      text('property', 'The property that was set.'),
      text('nodeId', 'The id of the node.'),
      text('code', 'The code of the error.'),
      text('message', 'What is wrong.'),
      time('When it happened.'),
    ],
  },
];

/** What the sidecar calls on the hub Thing. */
export const bindingInboundServices: readonly ServiceDefinition[] = [
  {
    name: 'ChangeNodeBindings',
    category: 'Inbound',
    description:
      'Called by the sidecar: binds properties of a Thing to nodes of OPC UA servers, or undoes it.',
    parameters: [
      {
        name: 'request',
        baseType: 'JSON',
        description:
          'thing; bindings, with createThing, thingTemplate, project, logged and valueStream; or unbind, with removeProperties.',
        isRequired: true,
      },
    ],
    result: {
      baseType: 'JSON',
      description: 'answers, one for each binding; refusal says why nothing was done.',
    },
    script: handWritten('ChangeNodeBindings', { ...bindingConstants, TAKEN_NAMES: [...TAKEN_NAMES] }),
  },
  {
    name: 'ListNodeBindings',
    category: 'Inbound',
    description:
      'Called by the sidecar: lists the bindings to nodes that a module sends, with their last values.',
    parameters: [
      {
        name: 'request',
        baseType: 'JSON',
        description: 'source, and thing for one Thing alone.',
        isRequired: true,
      },
    ],
    result: {
      baseType: 'JSON',
      description: 'bindings of thing, binding, value, time and quality; isCut if there are more.',
    },
    script: handWritten('ListNodeBindings', bindingConstants),
  },
];

const writeNode: ServiceDefinition = {
  name: 'WriteNode',
  category: CATEGORY,
  description:
    'Called by the subscription to the properties of this Thing: writes a bound property to its node without waiting for it. A failure fires NodeWriteFailed.',
  parameters: [
    { name: 'property', baseType: 'STRING', description: 'The property that was set.', isRequired: true },
  ],
  result: { baseType: 'NOTHING', description: '' },
  isAsync: true,
  script: handWritten('WriteNode', bindingConstants),
};

/** An event of Things with bound nodes. */
export const nodeWriteFailed: EventDefinition = {
  name: 'NodeWriteFailed',
  category: CATEGORY,
  description: 'A bound property that was set did not reach its node.',
  dataShape: 'AzureIoT.NodeWriteFailed_DS',
};

/** A value that comes from a node is written to another property than the one that is sent, so no value goes back. */
const WRITE_WHEN_SET = `if (bindingsOf(me, { property: "STRING", isWritable: "BOOLEAN" }).some(function (row) {
  return row.property === String(eventData.name) && row.isWritable === true;
})) {
  me.WriteNode({ property: String(eventData.name) });
}`;

/** BindNodes gives it to the Things that it binds. */
export const boundNodesShape: ThingShape = {
  kind: 'ThingShape',
  name: 'AzureIoT.BoundNodes_TS',
  description: 'Properties that are bound to nodes of OPC UA servers. BindNodes adds this shape to Things.',
  properties: [
    {
      name: 'nodeBindings',
      baseType: 'INFOTABLE',
      dataShape: 'AzureIoT.NodeBinding_DS',
      description:
        'The bindings of this Thing. Written by BindNodes and UnbindNodes; the sidecar reads from it which module may write which property.',
      category: CATEGORY,
      isPersistent: true,
      dataChangeType: 'NEVER',
    },
  ],
  services: [writeNode],
  events: [nodeWriteFailed],
  subscriptions: [
    {
      name: 'WriteNodeWhenSet',
      description: 'Writes a bound property to its node when it is set.',
      eventName: 'AnyDataChange',
      script: script(WRITE_WHEN_SET),
    },
  ],
  permissions: [...permit('ServiceInvoke', SIDECAR_GROUP, ['GetImplementingThings']), ...permitListing()],
  instancePermissions: [
    ...permitAll(ADMINISTRATORS),
    ...permitFrom('viewer', 'ServiceInvoke', VALUE_SERVICES),
    ...permitFrom('viewer', 'PropertyRead', ['*']),
    ...permitFrom('engineer', 'ServiceInvoke', ['UpdatePropertyValues']),
    ...permitFrom('engineer', 'PropertyWrite', ['*']),
    // What the subscription does, whoever sets it off.
    ...permitInside('ServiceInvoke', [writeNode.name, 'GetPropertyTime']),
    ...permitInside('PropertyRead', ['*']),
    ...permitInside('EventInvoke', [nodeWriteFailed.name]),
    ...permit('ServiceInvoke', SIDECAR_GROUP, [
      'UpdatePropertyValues',
      'GetPropertyDefinitions',
      'GetPropertyDefinition',
      'GetPropertyTime',
      'GetPropertyQuality',
      'GetMetadataAsJSON',
      'ImplementsShape',
      'EnableThing',
      'RestartThing',
      'AddPropertyDefinition',
      'RemovePropertyDefinition',
      'SetUnitsForNumericPropertyDefinition',
      'SetPropertyLogging',
      'SetValueStream',
      'GetValueStream',
      'GetEffectivePropertyLogging',
      writeNode.name,
    ]),
    ...permit('PropertyRead', SIDECAR_GROUP, ['*']),
    ...permit('PropertyWrite', SIDECAR_GROUP, ['*']),
    ...permit('EventInvoke', SIDECAR_GROUP, [nodeWriteFailed.name]),
  ],
};

export const boundNodesTemplate: ThingTemplate = {
  kind: 'ThingTemplate',
  name: 'AzureIoT.BoundNodes_TT',
  description: 'A Thing whose properties are bound to nodes of OPC UA servers, and which is no device.',
  baseThingTemplate: 'GenericThing',
  implementedShapes: ['AzureIoT.BoundNodes_TS'],
  properties: [],
  services: [],
  events: [],
  subscriptions: [],
  permissions: [],
  instancePermissions: [],
};
