import type { PasswordCipher } from '../password-cipher.ts';
import type { NativeResource } from '../script-platform.ts';
import { encryptionServices } from './encryption-services.ts';
import { infoTableFunctions } from './infotable-functions.ts';

/** Resources that only compute: the same code serves REST callers in the main thread and scripts in their own threads. */
export function localResources(cipher: PasswordCipher): Map<string, NativeResource> {
  const resources = [infoTableFunctions(), encryptionServices(cipher)];
  return new Map(resources.map((resource) => [resource.name, resource]));
}
