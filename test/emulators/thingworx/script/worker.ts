import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { PasswordCipher } from '../password-cipher.ts';
import { localResources } from '../resources/local.ts';
import type { ScriptSwitches } from '../script-switches.ts';
import { Channel, END, type RunMessage } from './channel.ts';
import { Runtime } from './runtime.ts';

/** What the engine hands to a new worker. */
export interface WorkerSettings {
  replies: MessagePort;
  flag: Int32Array;
  cipherKey: Uint8Array;
  switches: ScriptSwitches;
}

const settings = workerData as WorkerSettings;
const port = parentPort as MessagePort;
const cipher = new PasswordCipher(settings.cipherKey);
const channel = new Channel(port, settings.replies, settings.flag);
const runtime = new Runtime(channel, cipher, settings.switches, localResources(cipher));

port.on('message', (message: string) => {
  if (message === END) {
    port.close();
    settings.replies.close();
    return;
  }
  channel.send(runtime.run(JSON.parse(message) as RunMessage));
});

channel.send({ ready: true });
