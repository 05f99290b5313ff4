import type { PasswordCipher } from './password-cipher.ts';
import { contentLoaderFunctions } from './resources/content-loader.ts';
import { decryptPropertyValue } from './resources/encryption-services.ts';
import { localResources } from './resources/local.ts';
import type { NativeResource } from './script-platform.ts';
import type { ScriptSwitches } from './script-switches.ts';

/**
 * The Resources that come with the script side, for the platform to register: InfoTableFunctions, EncryptionServices,
 * ContentLoaderFunctions. `switches` is read at each call.
 */
export function scriptResources(
  cipher: PasswordCipher,
  switches: Readonly<ScriptSwitches>,
): NativeResource[] {
  const byRight = decryptPropertyValue(cipher, switches);
  const local = [...localResources(cipher).values()].map((resource) =>
    resource.name === 'EncryptionServices'
      ? { ...resource, services: { ...resource.services, [byRight.definition.name]: byRight } }
      : resource,
  );
  return [...local, contentLoaderFunctions(cipher, switches)];
}
