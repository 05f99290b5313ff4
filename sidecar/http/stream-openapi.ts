import { MESSAGE_OUTCOMES, STREAM_TOPICS } from '../contract/stream.ts';

type Json = Record<string, unknown>;

const query = (name: string, required: boolean, description: string, schema: Json): Json => ({
  name,
  in: 'query',
  required,
  description,
  schema,
});

/** The route of stream-routes.ts, which has no operation because its answer never ends. */
export const STREAM_PATHS: Json = {
  '/v1/stream': {
    get: {
      operationId: 'FollowStream',
      tags: ['Streams'],
      summary:
        'Server-sent events until the client goes: history and status (every two seconds), log, message, and skipped with how much ' +
        'was left out for a client that is too slow. sidecar/contract/stream.ts describes their data. Read-only.',
      parameters: [
        query('topics', true, `One or more of ${STREAM_TOPICS.join(', ')}, with commas between.`, {
          type: 'string',
        }),
        query('hub', false, 'For messages: only those of this hub Thing.', {
          type: 'string',
          maxLength: 256,
        }),
        query('deviceId', false, 'For messages: only those of this device.', {
          type: 'string',
          maxLength: 256,
        }),
        query('outcome', false, 'For messages: only those with this outcome.', {
          type: 'string',
          enum: [...MESSAGE_OUTCOMES],
        }),
      ],
      responses: {
        200: { description: 'The events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        default: { $ref: '#/components/responses/AnyProblem' },
      },
    },
  },
};
