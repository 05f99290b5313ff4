import { area, button, column, field, grid, lastOf, type MashupDefinition, row } from './definition.ts';
import { frame, frameFunctions, hubChoice, hubOf, hubParameter, listHubs } from './frame.ts';

const edited = { ...hubOf, mappings: 'mappings.Text' };

export const mappings: MashupDefinition = {
  name: 'AzureIoT.Mappings_MU',
  description:
    'Edits the mappings of a hub, checks them, and tries them with a sample message or a dead letter.',
  parameters: [hubParameter],
  calls: {
    ListHubs: listHubs,
    LoadMappings: { bind: hubOf },
    CheckMappings: { bind: edited },
    TryMappings: { bind: { ...edited, message: 'sample.Text' } },
    SaveMappings: { bind: { ...edited, loaded: 'lastLoaded.Output' } },
    ListDeadLetters: {
      bind: { ...hubOf, deviceId: 'letterDevice.Text' },
      constants: { limit: '50' },
      onSelection: ['LoadSample'],
    },
    LoadSample: { bind: { ...hubOf, id: 'ListDeadLetters.selected.id' }, after: ['TryMappings'] },
  },
  loaded: ['ListHubs'],
  layout: frame(
    'Mappings',
    [
      hubChoice(['LoadMappings', 'ListDeadLetters']),
      button('check', 'Check', ['CheckMappings']),
      button('try', 'Try', ['CheckMappings', 'TryMappings']),
      button('apply', 'Apply', ['SaveMappings'], 'primary'),
      button('reload', 'Load again', ['LoadMappings']),
    ],
    [
      row(
        [
          area('mappings', 'Mappings', { bind: { Text: 'LoadMappings.result' } }),
          area('sample', 'Sample message', {
            hint: '{ "deviceId": "pump-01", "body": { "speed": 900 } }',
            bind: { Text: 'LoadSample.result' },
          }),
        ],
        { grow: true },
      ),
      row(
        [
          grid(
            'trial',
            'TryMappings',
            'id',
            [
              { field: 'outcome', title: 'Outcome', width: 90 },
              { field: 'thing', title: 'Thing', width: 120 },
              { field: 'property', title: 'Property', width: 140 },
              { field: 'value', title: 'Value', width: 140 },
              { field: 'detail', title: 'Detail' },
            ],
            { select: 'none', title: 'What the sample would do' },
          ),
          column(
            [
              row([
                field('letterDevice', 'Device', { width: 180, on: { EnterKeyPressed: ['ListDeadLetters'] } }),
                button('findLetters', 'Show dead letters', ['ListDeadLetters']),
              ]),
              grid(
                'letters',
                'ListDeadLetters',
                'id',
                [
                  { field: 'enqueuedTime', title: 'Time', width: 170, format: 'time' },
                  { field: 'deviceId', title: 'Device', width: 120 },
                  { field: 'code', title: 'Code', width: 180 },
                  { field: 'reason', title: 'Reason' },
                ],
                { title: 'Dead letters: select one as the sample' },
              ),
            ],
            { grow: true },
          ),
        ],
        { grow: true },
      ),
    ],
  ),
  functions: [
    ...frameFunctions([
      'LoadMappings.summary',
      'CheckMappings.summary',
      'SaveMappings.summary',
      'LoadSample.summary',
    ]),
    lastOf('lastLoaded', ['LoadMappings.result', 'SaveMappings.result']),
  ],
};
