import type { PropertyDefinition } from '../types.ts';

/** What a coercion may need to know beside the value. */
export interface CoerceContext {
  /**
   * True when the body was decoded with exact integers: those that a double cannot hold are BigInt, and every number
   * left is what the sender wrote.
   */
  readonly exact: boolean;
  /** Fields of a Data Shape, when known. */
  dataShape(name: string): ReadonlyMap<string, PropertyDefinition> | undefined;
}

export const NO_CONTEXT: CoerceContext = { exact: true, dataShape: () => undefined };
