import type { Static } from 'typebox';
import type { JsonObject, Twin } from '../azure/hub-types.ts';
import type { TwinDocument } from './device-members.ts';

/** A twin as the services return it. */
export function twinDocument(twin: Twin): Static<typeof TwinDocument> {
  return {
    ...twin,
    ...(twin.tags === undefined ? {} : { tags: { ...twin.tags } }),
    properties: { ...twin.properties },
  };
}

/** A section without what only IoT Hub may write: scripts hand back what they have read, with `$version` and `$metadata`. */
export function writable(section: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(section).filter(([name]) => !name.startsWith('$')));
}
