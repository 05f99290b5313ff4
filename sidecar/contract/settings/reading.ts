import Type from 'typebox';
import { EXPECTED_KEYWORD } from '../schema.ts';
import { CONTAINER_NAME, setting } from './setting.ts';

const READING = 'Reading';

/** What is read of the event stream and the feedback queue, and from where. */
export const READING_SETTINGS = {
  consumerGroup: setting(
    Type.String({
      title: 'Consumer group',
      description:
        'Consumer group of the built-in endpoint. In production, create a consumer group for this connector alone.',
      default: '$Default',
      minLength: 1,
      maxLength: 256,
      pattern: '^[A-Za-z0-9$_.-]+$',
      [EXPECTED_KEYWORD]: 'the name of a consumer group, such as $Default or thingworx',
    }),
    { category: READING, reopensConsumer: true },
  ),
  startPosition: setting(
    Type.String({
      title: 'Start position',
      description:
        'Where reading starts in a partition without a checkpoint: latest (only new messages), earliest (all that the hub retains), ' +
        'or a time such as 2026-01-31T12:00:00Z.',
      default: 'latest',
      pattern:
        '^(latest|earliest|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2}))$',
      [EXPECTED_KEYWORD]: 'latest, earliest or a time with its zone such as 2026-01-31T12:00:00Z',
    }),
    { category: READING, reopensConsumer: true },
  ),
  checkpointContainer: setting(
    Type.String({
      title: 'Checkpoint container',
      description: 'Blob container for the checkpoints; created if it does not exist.',
      default: 'thingworx-checkpoints',
      pattern: CONTAINER_NAME,
      [EXPECTED_KEYWORD]: '3 to 63 lower-case letters, digits and single hyphens',
    }),
    { category: READING, reopensConsumer: true },
  ),
  messageFeedback: setting(
    Type.Boolean({
      title: 'Message feedback',
      description:
        'Whether outcomes of cloud-to-device messages fire the event MessageFeedback. All programs that read the feedback of a hub share ' +
        'one queue: turn this off if another program needs it.',
      default: true,
    }),
    { category: READING },
  ),
};
