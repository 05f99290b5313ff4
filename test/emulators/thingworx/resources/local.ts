import type { PasswordCipher } from '../password-cipher.ts';
import type { NativeResource } from '../script-platform.ts';

/** Resources that only compute: the same code serves REST callers in the main thread and scripts in their own threads. */
export function localResources(_cipher: PasswordCipher): Map<string, NativeResource> {
  return new Map();
}
