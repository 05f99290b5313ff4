import { ConnectorError } from '../../errors/connector-error.ts';

/** The file does not hold what it should; `why` continues "The file ...". */
export function malformed(why: string): ConnectorError {
  return new ConnectorError('FILE_MALFORMED', `The file ${why}.`);
}

/** What was read so far ends in the middle of something: the truth when nothing more comes. */
export class EndsEarly extends ConnectorError {
  constructor() {
    super('FILE_MALFORMED', 'The file ends in the middle of a record.');
  }
}

/** More than any message with its properties takes: IoT Hub takes 256 KB, Event Hubs 1 MB. */
export const MAX_RECORD_BYTES = 8 * 1_048_576;
