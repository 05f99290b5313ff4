import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { Channel } from '../thingworx/script/channel.ts';

// A worker that asks twice and tells what it was answered.
const { replies, flag } = workerData as { replies: MessagePort; flag: Int32Array };
const channel = new Channel(parentPort as MessagePort, replies, flag);
const answers = ['first', 'second'].map((request) => channel.request(request, null, []));
(parentPort as MessagePort).postMessage(JSON.stringify({ value: answers }));
