import { countDeadLetters } from './count-dead-letters.ts';
import { deleteDeadLetters } from './delete-dead-letters.ts';
import { getDeadLetter } from './get-dead-letter.ts';
import { listDeadLetters } from './list-dead-letters.ts';
import { replayDeadLetters } from './replay-dead-letters.ts';

/** What could not be delivered. */
export const DEAD_LETTERS = [
  listDeadLetters,
  countDeadLetters,
  getDeadLetter,
  replayDeadLetters,
  deleteDeadLetters,
] as const;
