import tls from 'node:tls';
import { type IotHubEmulator, type IotHubOptions, startIotHub } from '../../emulators/iothub/emulator.ts';

/** Starts an emulated hub whose certificate this process trusts. */
export async function startTrustedHub(options: IotHubOptions = {}): Promise<IotHubEmulator> {
  const hub = await startIotHub(options);
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), hub.authority.ca]);
  return hub;
}
