import { randomUUID } from 'node:crypto';
import type { PasswordCipher } from '../password-cipher.ts';
import type { Bridge } from './bridge.ts';

/** The global functions of the platform. Dates are read and written in the zone of the process, as the JVM's there. */
export function scriptFunctions(bridge: Bridge, _cipher: PasswordCipher): Record<string, unknown> {
  return { generateGUID: bridge.hostFunction('generateGUID', () => randomUUID()) };
}
