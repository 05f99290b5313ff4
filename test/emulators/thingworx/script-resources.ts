import type { PasswordCipher } from './password-cipher.ts';
import { type ContentLoaderSwitches, contentLoaderFunctions } from './resources/content-loader.ts';
import { localResources } from './resources/local.ts';
import type { NativeResource } from './script-platform.ts';

/**
 * The Resources that come with the script side, for the platform to register: InfoTableFunctions, EncryptionServices,
 * ContentLoaderFunctions. `switches` is read at each call.
 */
export function scriptResources(
  cipher: PasswordCipher,
  switches: Readonly<ContentLoaderSwitches>,
): NativeResource[] {
  return [...localResources(cipher).values(), contentLoaderFunctions(switches)];
}
