import type { DefinitionContext } from '../xml/definitions.ts';

/** Says what the platform's engine makes of a script. */
export type ScriptCheck = DefinitionContext['checkScript'];
