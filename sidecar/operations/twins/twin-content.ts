import type { Static } from 'typebox';
import type { Twin } from '../../azure/iot-hub/hub-types.ts';
import type { TwinDocument } from '../device-members.ts';

/** A twin as the services return it. */
export function twinDocument(twin: Twin): Static<typeof TwinDocument> {
  return {
    ...twin,
    ...(twin.tags === undefined ? {} : { tags: { ...twin.tags } }),
    properties: { ...twin.properties },
  };
}
