import Type, { type Static } from 'typebox';
import { DateTime, forThingWorx, ThingName } from '../../contract/schema.ts';
import {
  connectionMembers,
  nodeId,
  OpcNode,
  publisherMembers,
  writerMembers,
  writerRowMembers,
} from './opc-members.ts';

/** Input and output members of the operations that bind nodes. */

const { endpointUrl, writerGroup, writerId, publishingIntervalMs, useSecurity } = writerMembers;
const { samplingIntervalMs, heartbeatSeconds } = OpcNode.properties;
const { securityMode } = connectionMembers;
const property = Type.String({ minLength: 1, maxLength: 255, description: 'The property of the Thing.' });
const publisher = ThingName({ description: 'The Thing of OPC Publisher.' });
const baseType = Type.String({ description: 'The base type that the value needs.' });
const thing = ThingName({ description: 'The Thing with the property.' });

/** Where an OPC Publisher is, and how it signs in at servers; filled in from the Thing. */
export const signedInMembers = {
  ...publisherMembers,
  serverUserName: Type.Optional(
    Type.String({ maxLength: 256, description: 'The user name at OPC UA servers. Empty: anonymous.' }),
  ),
  serverPassword: Type.Optional(
    forThingWorx(Type.String({ maxLength: 1_024, description: 'The password of this user.' }), {
      baseType: 'PASSWORD',
    }),
  ),
};

/** The Thing of the publisher as well, which the bindings name. */
export const binderMembers = {
  ...signedInMembers,
  publisher,
};

/** The server, the writer of OPC Publisher that gets the nodes, and how often values are sent. */
export const publishingMembers = {
  endpointUrl,
  writerGroup,
  writerId,
  publishingIntervalMs,
  useSecurity,
  samplingIntervalMs,
  heartbeatSeconds,
  securityMode,
};

export const NodeToBind = Type.Object(
  {
    nodeId,
    property: Type.Optional(
      Type.String({
        maxLength: 255,
        description:
          'The property of the Thing. Empty: the property to which the node is bound already, otherwise the display name of the node.',
      }),
    ),
    isWritable: Type.Optional(
      Type.Boolean({
        description: 'Whether the property is written to the node. Empty: what BindNodes says for all nodes.',
      }),
    ),
  },
  { description: 'A node that BindNodes binds. Rows of FindNodes and Browse fit.' },
);

/** What keeps the service from doing what a row asks for. */
const problem = {
  code: Type.String({ description: 'The code of the error; may be empty.' }),
  message: Type.String({ description: 'What is wrong; may be empty.' }),
};

/** What is said of the property and the node. */
const facts = {
  dataType: Type.String({ description: 'The OPC UA data type of the value.' }),
  units: Type.String({ description: 'The unit of the value; may be empty.' }),
  minimum: Type.Optional(
    Type.Number({ description: 'The lower end of the range of the node; not set if it has none.' }),
  ),
  maximum: Type.Optional(
    Type.Number({ description: 'The upper end of the range of the node; not set if it has none.' }),
  ),
  isWritable: Type.Boolean({ description: 'Whether the property is written to the node when it is set.' }),
};

/** A row of nodeBindings, the property of AzureIoT.BoundNodes_TS. */
export const NodeBinding = Type.Object(
  {
    property,
    nodeId,
    ...publishingMembers,
    publisher,
    source: Type.String({ description: 'The device and the module that send the values: device/module.' }),
    userName: Type.Optional(
      Type.String({
        maxLength: 256,
        description: 'The user name with which the module publishes the node; may be empty.',
      }),
    ),
    ...facts,
    baseType,
    addedProperties: Type.String({
      description: 'The properties that the binding has added to the Thing, separated by commas.',
    }),
  },
  { description: 'A property of a Thing that is bound to a node of an OPC UA server.' },
);
export type NodeBinding = Static<typeof NodeBinding>;

export const BoundNode = Type.Object(
  {
    nodeId,
    property: Type.String({ description: 'The property of the Thing; empty if the node is not bound.' }),
    state: Type.String({
      description:
        'published: the node is bound, and OPC Publisher sends it. notPublished: the node is bound, and OPC Publisher does not send it yet. failed: the node is not bound.',
    }),
    ...problem,
    message: Type.String({ description: 'What is wrong or different from what was asked; may be empty.' }),
    baseType,
    ...facts,
  },
  { description: 'What BindNodes has done with one node.' },
);
export type BoundNode = Static<typeof BoundNode>;

export const BindingKey = Type.Object(
  {
    thing,
    property,
  },
  { description: 'A binding: the property of a Thing. Rows of ListBindings fit.' },
);

export const UnboundNode = Type.Object(
  {
    thing,
    property,
    nodeId: Type.String({ description: 'The id of the node; empty if the property was not bound.' }),
    state: Type.String({
      description:
        'unbound: the binding is gone. notBound: there was none. failed: the binding is still there.',
    }),
    ...problem,
    removedProperties: Type.String({
      description: 'The properties that were removed from the Thing, separated by commas.',
    }),
  },
  { description: 'What UnbindNodes has done with one binding.' },
);
export type UnboundNode = Static<typeof UnboundNode>;

export const BindingState = Type.Object(
  {
    thing,
    property,
    nodeId,
    ...writerRowMembers,
    state: Type.String({
      description:
        'published: OPC Publisher sends the node. notPublished: it does not; call BindNodes again. unknown: the module does not answer.',
    }),
    value: Type.String({ description: 'The last value that came from the node, as text.' }),
    time: Type.Optional(DateTime({ description: 'The time of this value; not set if there is none yet.' })),
    quality: Type.String({ description: 'The quality of this value: GOOD, BAD or UNKNOWN.' }),
    serverStatus: Type.String({
      description:
        'Good, or the code with which the OPC UA server refuses to read the node, such as BadNodeIdUnknown. Empty: not known.',
    }),
    ...problem,
    ...facts,
    fieldId: Type.String({ description: 'The name of the value in messages (DataSetFieldId).' }),
    publishingIntervalMs,
    samplingIntervalMs,
  },
  { description: 'A binding with its state and its last value.' },
);
export type BindingState = Static<typeof BindingState>;
