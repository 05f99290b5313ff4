import { randomBytes } from 'node:crypto';
import { decryptWithKey, encryptWithKey, type PasswordCipher } from '../password-cipher.ts';
import type { NativeResource, NativeService } from '../script-platform.ts';
import type { ScriptSwitches } from '../script-switches.ts';
import { PlatformError } from '../values.ts';
import { type Arguments, nativeResource, nativeService, requiredText } from './service.ts';

/**
 * DecryptPropertyValue, apart from the others because it needs a right: it runs in the main thread, where rights are checked. Not in
 * the typings of a real server; see the switch.
 */
export function decryptPropertyValue(
  cipher: PasswordCipher,
  switches: Readonly<Pick<ScriptSwitches, 'decryptPropertyValue'>>,
): NativeService {
  const service = nativeService('DecryptPropertyValue', { data: 'STRING' }, 'STRING', (args) => {
    const clear = cipher.decrypt(requiredText(args, 'data'));
    if (clear === undefined) {
      throw new PlatformError('Unable to decrypt the data', {
        javaClass: 'javax.crypto.BadPaddingException',
      });
    }
    return clear;
  });
  return { ...service, isAvailable: () => switches.decryptPropertyValue === 'byRight' };
}

/** Resources["EncryptionServices"]. Algorithms and text forms are the emulator's own. */
export function encryptionServices(cipher: PasswordCipher): NativeResource {
  const data = (args: Arguments) => (typeof args.data === 'string' ? args.data : '');
  return nativeResource('EncryptionServices', 'Functions that encrypt text', [
    nativeService('Encrypt', { data: 'STRING' }, 'STRING', (args) => cipher.encrypt(data(args))),
    nativeService('EncryptPropertyValue', { data: 'STRING' }, 'STRING', (args) => cipher.encrypt(data(args))),
    nativeService('EncryptWithKey', { data: 'STRING', key: 'STRING' }, 'STRING', (args) =>
      encryptWithKey(requiredText(args, 'key'), data(args)),
    ),
    nativeService('DecryptWithKey', { data: 'STRING', key: 'STRING' }, 'STRING', (args) =>
      decryptWithKey(requiredText(args, 'key'), data(args)),
    ),
    nativeService('EncryptWithCustomKey', { data: 'STRING', key: 'STRING' }, 'STRING', (args) =>
      encryptWithKey(requiredText(args, 'key'), data(args)),
    ),
    nativeService('DecryptWithCustomKey', { encryptedData: 'STRING', key: 'STRING' }, 'STRING', (args) =>
      decryptWithKey(requiredText(args, 'key'), requiredText(args, 'encryptedData')),
    ),
    nativeService('GenerateKey', { size: 'INTEGER' }, 'STRING', ({ size }) =>
      randomBytes(Math.min(Math.max(Number(size ?? 128), 8), 4096) / 8).toString('hex'),
    ),
  ]);
}
