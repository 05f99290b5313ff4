import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { PlatformError } from './values.ts';

/**
 * Encrypts secrets with the platform's own key, as EncryptPropertyValue and REST reads of a PASSWORD show them. The text
 * form is the emulator's own: base64 of a mark, a nonce, an authentication tag and the AES-GCM ciphertext.
 */
export class PasswordCipher {
  /** Raw key, 16 bytes; worker threads get a copy. */
  readonly key: Uint8Array;

  constructor(key: Uint8Array = randomBytes(16)) {
    this.key = key;
  }

  encrypt(clear: string): string {
    return seal('aes-128-gcm', this.key, clear);
  }

  /** The secret that a text stands for: encrypted by the platform, or in clear. */
  readonly read = (text: string): string => this.decrypt(text) ?? text;

  /** The clear text, or undefined if `text` was not made by `encrypt` with this key. */
  decrypt(text: string): string | undefined {
    return open('aes-128-gcm', this.key, text);
  }
}

/** Encrypts with a key that the caller brings, of any length. */
export function encryptWithKey(key: string, clear: string): string {
  return seal('aes-256-gcm', derive(key), clear);
}

/** @throws PlatformError if the text was not encrypted with this key */
export function decryptWithKey(key: string, text: string): string {
  const clear = open('aes-256-gcm', derive(key), text);
  if (clear === undefined) {
    throw new PlatformError('Unable to decrypt the data', { javaClass: 'javax.crypto.BadPaddingException' });
  }
  return clear;
}

// Three bytes, so that the mark stays visible at the start of the base64 text.
const mark = Buffer.from('TWX', 'latin1');
const markText = mark.toString('base64');
const nonceEnd = mark.length + 12;
const tagEnd = nonceEnd + 16;

type Algorithm = 'aes-128-gcm' | 'aes-256-gcm';

function seal(algorithm: Algorithm, key: Uint8Array, clear: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv(algorithm, key, nonce);
  const body = Buffer.concat([cipher.update(clear, 'utf8'), cipher.final()]);
  return Buffer.concat([mark, nonce, cipher.getAuthTag(), body]).toString('base64');
}

function open(algorithm: Algorithm, key: Uint8Array, text: string): string | undefined {
  if (!text.startsWith(markText) || !/^[A-Za-z0-9+/]+=*$/.test(text)) {
    return undefined;
  }
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < tagEnd) {
    return undefined;
  }
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(mark.length, nonceEnd));
  decipher.setAuthTag(bytes.subarray(nonceEnd, tagEnd));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(tagEnd)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

function derive(key: string): Uint8Array {
  return createHash('sha256').update(key).digest();
}
