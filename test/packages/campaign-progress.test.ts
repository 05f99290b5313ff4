import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { Records } from '../../sidecar/lib/records.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import { type CampaignRequest, ROLLOUT } from '../../sidecar/packages/campaigns/campaign.ts';
import {
  CampaignDevices,
  type CampaignPart,
  isCampaignPart,
} from '../../sidecar/packages/campaigns/campaign-devices.ts';
import { CampaignProgress } from '../../sidecar/packages/campaigns/campaign-progress.ts';
import { waveSizes } from '../../sidecar/packages/campaigns/waves.ts';

const ID = '20300101000000000-00000000';

describe('the progress of a campaign', () => {
  /** A campaign of four devices in two waves that has begun; nothing of it is stored. */
  function begun(more: Partial<CampaignRequest> = {}) {
    const devices = new CampaignDevices(ID, new Records<CampaignPart>(tmpdir(), isCampaignPart));
    devices.add(['a', 'b', 'c', 'd']);
    const request: CampaignRequest = {
      name: 'firmware',
      version: '2',
      account: 'storage',
      container: 'packages',
      path: '/2.zip',
      methodName: 'install',
      selection: { kind: 'list' },
      waves: waveSizes('2, 100 %'),
      successPercent: 100,
      timeoutMinutes: 10,
      nextWave: 'automatic',
      belowThreshold: 'pause',
      parallel: 10,
      ...more,
    };
    const progress = new CampaignProgress(
      {
        id: ID,
        request,
        etag: '"1"',
        state: 'selecting',
        code: '',
        message: '',
        waves: [],
        previousFiles: [],
        createdAtMs: 0,
        changedAtMs: 0,
        unannounced: [],
      },
      { devices, log: createLog('silent'), onState: () => undefined, onDeviceEnd: () => undefined },
    );
    progress.begin();
    const end = (index: number, state: 'installed' | 'failed') => {
      progress.setBusy(index, ROLLOUT, `deployment-${index}`, Date.now());
      const outcome = { code: '', message: '', attempted: true, confirmed: true };
      progress.setEnded(index, { state, ...outcome });
    };
    return {
      progress,
      end,
      states: () => [progress.campaign.state, ...progress.campaign.waves.map(({ state }) => state)],
      told: () => progress.campaign.unannounced.map(({ change }) => change),
    };
  }

  test('passes wave after wave and completes', () => {
    const { progress, end, states, told } = begun();
    end(0, 'installed');
    assert.equal(progress.evaluateWaves(), false, 'a device of the wave has not begun');
    end(1, 'installed');
    assert.equal(progress.evaluateWaves(), true);
    assert.deepEqual(states(), ['running', 'passed', 'running']);
    for (const index of [2, 3]) end(index, 'installed');
    assert.equal(progress.evaluateWaves(), false);
    assert.deepEqual(states(), ['completed', 'passed', 'passed']);
    assert.deepEqual(told(), ['started', 'waveEnded', 'waveEnded', 'completed']);
  });

  test('pauses when a wave misses the threshold; resumed, the wave is accepted once no device is at work', () => {
    const { progress, end, states } = begun();
    progress.setBusy(1, ROLLOUT, 'deployment-1', Date.now());
    end(0, 'failed');
    assert.equal(progress.evaluateWaves(), false);
    assert.deepEqual(states(), ['paused', 'missed', 'waiting']);
    assert.equal(progress.campaign.code, 'CAMPAIGN_THRESHOLD');
    progress.resume();
    assert.equal(progress.evaluateWaves(), false, 'a device of the wave is at work');
    assert.deepEqual(states(), ['running', 'accepted', 'waiting']);
    end(1, 'installed');
    assert.equal(progress.evaluateWaves(), true);
    assert.deepEqual(states(), ['running', 'accepted', 'running']);
  });

  test('goes back when a wave misses the threshold and the request says so', () => {
    const { progress, end, states } = begun({ belowThreshold: 'rollBack' });
    end(0, 'installed');
    end(1, 'failed');
    assert.equal(progress.evaluateWaves(), false);
    assert.deepEqual(states(), ['rollingBack', 'missed', 'waiting']);
    assert.deepEqual(progress.indexesToRollBack(), [0]);
  });

  test('pauses after each wave when the next one is begun by hand', () => {
    const { progress, end, states } = begun({ nextWave: 'manual' });
    for (const index of [0, 1]) end(index, 'installed');
    assert.equal(progress.evaluateWaves(), false);
    assert.deepEqual(states(), ['paused', 'passed', 'waiting']);
    progress.resume();
    assert.equal(progress.evaluateWaves(), true);
    assert.deepEqual(states(), ['running', 'passed', 'running']);
  });
});
