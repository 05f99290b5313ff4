import { ingestBlobs } from './ingest-blobs.ts';
import { replayEvents } from './replay-events.ts';

/** Messages that do not come through the event stream. */
export const INGESTION = [ingestBlobs, replayEvents] as const;
