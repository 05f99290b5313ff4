import Type from 'typebox';
import { JsonObject, Table, ThingName } from '../../contract/schema.ts';
import { defineOperation } from '../operation.ts';

export const MappingProblemRow = Type.Object(
  {
    pointer: Type.String({ description: 'Where in the mappings, as a JSON pointer; empty for the whole.' }),
    message: Type.String({ description: 'What is wrong and what is expected, in plain words.' }),
  },
  { description: 'One thing that is wrong in mappings.' },
);

export const validateMappings = defineOperation({
  name: 'ValidateMappings',
  entity: 'AzureIoT.Hub_TT',
  category: 'Mappings',
  summary: 'Checks mappings and runs their own tests; no rows mean that they can be used.',
  method: 'POST',
  path: '/hubs/{hub}/mappings/validate',
  input: Type.Object({
    hub: ThingName({ description: 'The hub Thing.' }),
    mappings: Type.Optional(
      JsonObject({ description: 'The mappings to check; those of the settings when absent.' }),
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
    const known = hubs.require(hub);
    return { problems: await known.mappings.validate(mappings ?? known.settings.mappings) };
  },
});
