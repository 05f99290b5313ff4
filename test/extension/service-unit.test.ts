import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';

const UNIT = path.join(import.meta.dirname, '..', '..', 'extension', 'package', 'azure-iot-sidecar.service');

/** Tenths: 1.5 of 10. The unit of a service that hardens nothing has 9.6. */
const MOST_EXPOSED = 15;

const { error, stdout } = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const version = Number(/systemd (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
const skip = error || version < 251 ? 'systemd-analyze 251 or later is not installed' : false;

describe('the systemd unit', { skip }, () => {
  test('is well formed', () => {
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', UNIT], {
      encoding: 'utf8',
    });
    const complaints = stderr.split('\n').filter((line) => line.includes('azure-iot-sidecar.service'));
    assert.deepEqual(complaints, []);
  });

  test('exposes little', () => {
    const { status, stdout } = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', `--threshold=${MOST_EXPOSED}`, UNIT],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stdout.split('\n').slice(-3).join('\n'));
  });
});
