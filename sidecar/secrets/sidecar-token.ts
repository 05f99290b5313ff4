import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import { MIN_TOKEN_LENGTH } from '../settings.ts';

/**
 * The token that services on Things present to the sidecar: the given one, else the one in the state directory, which is created at the
 * first start and readable by its owner only.
 */
export async function resolveToken(given: string | undefined, stateDirectory: string): Promise<string> {
  if (given !== undefined) return given;
  const file = path.join(stateDirectory, 'sidecar-token');
  try {
    await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new ConnectorError('SETTING_INVALID', `SIDECAR_STATE_DIR: ${stateDirectory} cannot be written.`, {
        cause: error,
      });
    }
  }
  const token = (await readFile(file, 'utf8')).trim();
  if (token.length < MIN_TOKEN_LENGTH) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `${file} contains no valid token; delete the file to create a new one.`,
    );
  }
  return token;
}
