import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { EntityReference, ScriptCall, ScriptLogEntry } from '../script-platform.ts';
import type { ScriptSwitches } from '../script-switches.ts';
import type { BaseType } from '../values.ts';
import { PlatformError } from '../values.ts';
import { messageText, type Wire, type WireVariables } from './wire.ts';

/** JSON form of an error on its way between threads. */
export interface WireError {
  message: string;
  javaClass: string;
  status: number;
  /** Set for the failure of a script. */
  script?: { service: string; message: string; lineNumber: number };
}

/** In place of a RunMessage: the thread ends. */
export const END = 'end';

/** What the main thread sends to an idle worker. */
export interface RunMessage {
  entity: EntityReference;
  service: string;
  source: string;
  variables: WireVariables;
  result: { baseType: BaseType; dataShape?: string };
  principal: string;
  depth: number;
  revision: number;
  switches: ScriptSwitches;
}

/** What a script asks of the platform. */
export interface RequestMessage {
  /** Counts a worker's requests, in 32 bits. */
  number: number;
  request: string;
  call: ScriptCall | null;
  args: unknown[];
}

/** What a worker sends: that it is ready, a request (it waits for the answer), an end of the run, or a log entry. */
export type WorkerMessage =
  | { ready: true }
  | RequestMessage
  | { value: Wire }
  | { error: WireError }
  | { log: ScriptLogEntry };

/** Answer to the request with the same number. */
export type ReplyMessage = { number: number; revision: number } & ({ value: unknown } | { error: WireError });

// Iterations before the thread goes to sleep: most answers come within some ten microseconds, waking up takes longer.
const spins = 4000;

/**
 * The worker's side of the synchronous connection to the main thread. The flag holds the number of the request that was answered last.
 *
 * A script that recurses without end can run out of stack anywhere in `request`, also after the request is on its way. Nobody takes its
 * answer then: the next request must not.
 */
export class Channel {
  private readonly requests: MessagePort;
  private readonly replies: MessagePort;
  private readonly flag: Int32Array;
  private asked = 0;
  /** The platform's revision as of the last message. */
  revision = -1;

  constructor(requests: MessagePort, replies: MessagePort, flag: Int32Array) {
    this.requests = requests;
    this.replies = replies;
    this.flag = flag;
  }

  send(message: WorkerMessage): void {
    this.requests.postMessage(messageText(message));
  }

  /**
   * Asks the platform and waits.
   *
   * @throws PlatformError with what the platform refused
   */
  request(request: string, call: ScriptCall | null, args: unknown[]): unknown {
    this.asked = (this.asked + 1) | 0;
    const number = this.asked;
    this.send({ number, request, call, args });
    for (let spin = 0; spin < spins && Atomics.load(this.flag, 0) !== number; spin++);
    // A wake-up says nothing: the one for the answer before may come when that answer has long been taken.
    for (let seen = Atomics.load(this.flag, 0); seen !== number; seen = Atomics.load(this.flag, 0)) {
      Atomics.wait(this.flag, 0, seen);
    }
    const reply = this.reply(number);
    this.revision = reply.revision;
    if ('error' in reply) {
      throw decodeError(reply.error);
    }
    return reply.value;
  }

  /** The answer with this number, which is there; those that nobody took are dropped. */
  private reply(number: number): ReplyMessage {
    for (;;) {
      const { message } = receiveMessageOnPort(this.replies) as { message: string };
      const reply = JSON.parse(message) as ReplyMessage;
      if (reply.number === number) {
        return reply;
      }
    }
  }
}

export function encodeError(error: unknown): WireError {
  if (error instanceof PlatformError) {
    return { message: error.message, javaClass: error.javaClass, status: error.status };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, javaClass: 'java.lang.Exception', status: 500 };
}

export function decodeError(error: WireError): PlatformError {
  return new PlatformError(error.message, { javaClass: error.javaClass, status: error.status });
}
