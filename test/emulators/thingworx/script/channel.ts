import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { EntityReference, ScriptCall, ScriptLogEntry } from '../script-platform.ts';
import type { ScriptSwitches } from '../script-switches.ts';
import type { BaseType } from '../values.ts';
import { PlatformError } from '../values.ts';
import type { Wire, WireVariables } from './wire.ts';

/** JSON form of an error on its way between threads. */
export interface WireError {
  message: string;
  javaClass: string;
  status: number;
  /** Set for the failure of a script. */
  script?: { service: string; message: string; lineNumber: number };
}

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

/** What a worker sends: that it is ready, a request (it waits for the answer), an end of the run, or a log entry. */
export type WorkerMessage =
  | { ready: true }
  | { request: string; call: ScriptCall | null; args: unknown[] }
  | { value: Wire }
  | { error: WireError }
  | { log: ScriptLogEntry };

/** Answer to a request. */
export type ReplyMessage = { value: unknown; revision: number } | { error: WireError; revision: number };

// Iterations before the thread goes to sleep: most answers come within some ten microseconds, waking up takes longer.
const spins = 4000;

/** The worker's side of the synchronous connection to the main thread. */
export class Channel {
  private readonly requests: MessagePort;
  private readonly replies: MessagePort;
  private readonly flag: Int32Array;
  /** The platform's revision as of the last message. */
  revision = -1;

  constructor(requests: MessagePort, replies: MessagePort, flag: Int32Array) {
    this.requests = requests;
    this.replies = replies;
    this.flag = flag;
  }

  send(message: WorkerMessage): void {
    this.requests.postMessage(JSON.stringify(message));
  }

  /**
   * Asks the platform and waits.
   *
   * @throws PlatformError with what the platform refused
   */
  request(request: string, call: ScriptCall | null, args: unknown[]): unknown {
    Atomics.store(this.flag, 0, 0);
    this.send({ request, call, args });
    for (let spin = 0; spin < spins && Atomics.load(this.flag, 0) === 0; spin++);
    // The other side notifies after it has set the flag: a late one, for the answer before, must not end this wait.
    while (Atomics.load(this.flag, 0) === 0) {
      Atomics.wait(this.flag, 0, 0);
    }
    const received = receiveMessageOnPort(this.replies) as { message: string };
    const reply = JSON.parse(received.message) as ReplyMessage;
    this.revision = reply.revision;
    if ('error' in reply) {
      throw decodeError(reply.error);
    }
    return reply.value;
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
