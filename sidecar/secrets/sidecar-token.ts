import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConnectorError } from '../errors/connector-error.ts';
import { MIN_TOKEN_LENGTH } from '../settings.ts';
import { requirePrivateFile } from './state-directory.ts';

/**
 * The token that services on Things present to the sidecar: the given one, else the one kept in the state directory, which is made
 * at the first start, readable by its owner alone. The directory must be open (openStateDirectory).
 *
 * @throws ConnectorError SETTING_INVALID when the directory cannot be written or the file cannot be trusted
 */
export async function resolveToken(given: string | undefined, stateDirectory: string): Promise<string> {
  if (given !== undefined) return given;
  const file = path.join(stateDirectory, 'sidecar-token');
  try {
    await writeFile(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new ConnectorError('SETTING_INVALID', `SIDECAR_STATE_DIR: ${stateDirectory} cannot be written.`, {
        cause: error,
      });
    }
  }
  await requirePrivateFile(file);
  const token = (await readFile(file, 'utf8')).trim();
  if (token.length < MIN_TOKEN_LENGTH) {
    throw new ConnectorError(
      'SETTING_INVALID',
      `${file} contains no valid token; delete the file to create a new one.`,
    );
  }
  return token;
}
