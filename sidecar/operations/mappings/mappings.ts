import Type from 'typebox';
import { JsonObject, Table, ThingName } from '../../contract/schema.ts';
import { translationSettings } from '../../hub/translation-settings.ts';
import type { MappingTestMessage } from '../../translate/mapping/schema.ts';
import { testMapping as runMapping } from '../../translate/mapping/test-mapping.ts';
import { messageOf } from '../../translate/mapping/test-message.ts';
import { validateMappings as problemsOf } from '../../translate/mapping/validate.ts';
import { compileTranslator } from '../../translate/translator.ts';
import { THINGWORX_CALL_ERRORS } from '../error-groups.ts';
import { defineOperation } from '../operation.ts';

const testMapping = defineOperation({
  name: 'TestMapping',
  entity: 'AzureIoT.Hub_TT',
  category: 'Mappings',
  role: 'viewer',
  summary: 'Shows what a sample message would do, value by value; nothing is sent or stored.',
  method: 'POST',
  path: '/hubs/{hub}/mappings/test',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    message: JsonObject({
      description:
        'The sample: deviceId and body (or bodyText, bodyBase64), and what else a message has; docs/map-messages.md shows it.',
    }),
    mappings: Type.Optional(
      JsonObject({ description: 'The mappings to try. Empty: those of the settings.' }),
    ),
    useThings: Type.Optional(
      Type.Boolean({
        default: true,
        description:
          'Whether Things and properties are looked up in ThingWorx. If not, all Things and properties that the message addresses are assumed to exist.',
      }),
    ),
  }),
  output: Type.Object({
    problems: Type.Array(
      Type.Object({
        pointer: Type.String({ description: 'Where, as a JSON pointer; empty for the whole.' }),
        message: Type.String({ description: 'What is wrong and what is expected.' }),
      }),
      { description: 'What is wrong with the mappings or the sample. Nothing is tried then.' },
    ),
    rule: Type.Optional(
      Type.String({ description: 'The rule that applies to the message; not set if the defaults apply.' }),
    ),
    values: Type.Array(JsonObject({ description: 'One value.' }), {
      description: 'What would be written: thing, property, baseType, value, time and quality.',
    }),
    ignored: Type.Array(JsonObject({ description: 'One value or message.' }), {
      description: 'What would be ignored, with code and reason.',
    }),
    refused: Type.Array(JsonObject({ description: 'One value or message.' }), {
      description: 'What would be refused, with code and reason.',
    }),
    created: Type.Array(JsonObject({ description: 'One Thing or property.' }), {
      description: 'What would be created first.',
    }),
    events: Type.Array(JsonObject({ description: 'One event.' }), {
      description: 'The events of twins, connection state and life cycle that would fire.',
    }),
  }),
  errors: [...THINGWORX_CALL_ERRORS, 'HUB_NOT_CONNECTED'],
  async run({ hubs, signal }, { hub, message, mappings, useThings }) {
    const { settings, definitions } = hubs.require(hub);
    const today = translationSettings(settings, hub);
    const tried = mappings === undefined ? today : { ...today, mappings };
    const nowMs = Date.now();
    const form = await runMapping(tried, message, undefined, nowMs);
    if (useThings === false || form.problems.length > 0) return answer(form);
    const { things } = await compileTranslator(tried).prepare(
      messageOf(message as unknown as MappingTestMessage),
    );
    await definitions.load(things, signal);
    return answer(await runMapping(tried, message, definitions, nowMs));
  },
});

function answer(trial: Awaited<ReturnType<typeof runMapping>>): never {
  return {
    ...trial,
    values: trial.values.map(({ timeMs, ...value }) => ({ ...value, time: new Date(timeMs).toISOString() })),
  } as never;
}

const MappingProblemRow = Type.Object(
  {
    pointer: Type.String({ description: 'Where in the mappings, as a JSON pointer; empty for the whole.' }),
    message: Type.String({ description: 'What is wrong and what is expected, in plain words.' }),
  },
  { description: 'One thing that is wrong in mappings.' },
);

const validateMappings = defineOperation({
  name: 'ValidateMappings',
  entity: 'AzureIoT.Hub_TT',
  category: 'Mappings',
  role: 'viewer',
  summary: 'Checks mappings and runs their own tests; no rows mean that they can be used.',
  method: 'POST',
  path: '/hubs/{hub}/mappings/validate',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    mappings: Type.Optional(
      JsonObject({ description: 'The mappings to check. Empty: those of the settings.' }),
    ),
  }),
  output: Type.Object({
    problems: Table(MappingProblemRow, 'AzureIoT.MappingProblem_DS', {
      description: 'What is wrong; empty when the mappings can be used.',
    }),
  }),
  result: 'problems',
  errors: ['HUB_NOT_CONNECTED'],
  async run({ hubs }, { hub, mappings }) {
    const { settings } = hubs.require(hub);
    const problems = await problemsOf(mappings ?? settings.mappings);
    return { problems: problems.map((problem) => ({ ...problem })) };
  },
});

const getMappings = defineOperation({
  name: 'GetMappings',
  category: 'Mappings',
  role: 'viewer',
  summary:
    'Reads the mappings that the sidecar uses; in ThingWorx they are the property mappings of the hub Thing.',
  method: 'GET',
  path: '/hubs/{hub}/mappings',
  input: Type.Object({ hub: ThingName({ description: 'The hub Thing.' }) }),
  output: Type.Object({
    mappings: JsonObject({ description: 'The mapping document; an empty object for the defaults alone.' }),
  }),
  errors: ['HUB_NOT_CONNECTED'],
  async run({ hubs }, { hub }) {
    return { mappings: { ...hubs.require(hub).settings.mappings } };
  },
});

/** Mappings, read, tried and checked. */
export const MAPPINGS = [getMappings, testMapping, validateMappings] as const;
