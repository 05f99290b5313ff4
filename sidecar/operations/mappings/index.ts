import { testMapping } from './test-mapping.ts';
import { validateMappings } from './validate-mappings.ts';

/** Mappings, tried and checked. */
export const MAPPINGS = [testMapping, validateMappings] as const;
