import assert from 'node:assert/strict';
import type { LocalSystem } from '../../scripts/local/system.ts';
import { countListener, type Listener, Volume } from './instruments.ts';
import { ThingworxRecorder } from './thingworx-recorder.ts';
import { WatchedSystem } from './watched-system.ts';

interface Parts {
  readonly system: LocalSystem;
  readonly volume: Volume;
  readonly listener: Listener;
}

/** A system with six devices whose sidecars reach ThingWorx through a recorder, with numbered messages of the devices and a listener for them. */
export class RecordedSystem {
  readonly recorder = new ThingworxRecorder();
  #system: LocalSystem | undefined;

  async start(): Promise<Parts> {
    await this.recorder.start();
    const system = new WatchedSystem({
      devices: 6,
      sidecarEnvironment: { THINGWORX_URL: this.recorder.url },
    });
    this.#system = system;
    this.recorder.target = () => system.cloud.thingworxUrl;
    await system.start();
    const deviceIds = system.devices.map(({ deviceId }) => deviceId);
    const volume = new Volume(system, deviceIds);
    return { system, volume, listener: await countListener(system, 'Counts', deviceIds) };
  }

  async stop(): Promise<void> {
    await this.#system?.stop();
    await this.recorder.stop();
  }

  /** Each message of the volume was applied once, whichever sidecar sent it. */
  assertAppliedOnce({ count, deviceIds }: Volume): void {
    assert.equal(this.recorder.count('accepted'), count * deviceIds.length);
  }
}
