import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * Encrypts secrets with the platform's own key, as EncryptPropertyValue and REST reads of a PASSWORD show them. The text
 * form is the emulator's own: base64 of a mark, a nonce, an authentication tag and the AES-128-GCM ciphertext.
 */
export class PasswordCipher {
  /** Raw key, 16 bytes; worker threads get a copy. */
  readonly key: Uint8Array;

  constructor(key: Uint8Array = randomBytes(16)) {
    this.key = key;
  }

  encrypt(clear: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-128-gcm', this.key, nonce);
    const body = Buffer.concat([cipher.update(clear, 'utf8'), cipher.final()]);
    return Buffer.concat([mark, nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  /** The clear text, or undefined if `text` was not made by `encrypt` with this key. */
  decrypt(text: string): string | undefined {
    if (!text.startsWith(markText) || text.length < 40 || !/^[A-Za-z0-9+/]+=*$/.test(text)) {
      return undefined;
    }
    const bytes = Buffer.from(text, 'base64');
    const decipher = createDecipheriv('aes-128-gcm', this.key, bytes.subarray(3, 15));
    decipher.setAuthTag(bytes.subarray(15, 31));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(31)), decipher.final()]).toString('utf8');
    } catch {
      return undefined;
    }
  }
}

// Three bytes, so that the mark stays visible at the start of the base64 text.
const mark = Buffer.from('TWX', 'latin1');
const markText = mark.toString('base64');
