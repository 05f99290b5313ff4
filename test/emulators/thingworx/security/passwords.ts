import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

/** Salted hash of a user's password, as text. Cheap parameters: the emulator checks one on every Basic request. */
export function hashPassword(password: string): string {
  const salt = randomBytes(16);
  return `${salt.toString('hex')}:${derive(password, salt).toString('hex')}`;
}

export function verifyPassword(password: string, hash: string): boolean {
  const [salt = '', expected = ''] = hash.split(':');
  if (expected === '') {
    return false;
  }
  return timingSafeEqual(derive(password, Buffer.from(salt, 'hex')), Buffer.from(expected, 'hex'));
}

function derive(password: string, salt: Buffer): Buffer {
  return scryptSync(password, salt, 32, { N: 16, r: 8, p: 1 });
}
