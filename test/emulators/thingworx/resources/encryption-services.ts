import { randomBytes } from 'node:crypto';
import { decryptWithKey, encryptWithKey, type PasswordCipher } from '../password-cipher.ts';
import type { NativeResource } from '../script-platform.ts';
import { type Arguments, nativeResource, nativeService, requiredText } from './service.ts';

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
