import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { startApp } from '../http/fixture.ts';
import { type Reply, type Sending, send } from './http.ts';
import { type Account, newContainer, STORAGE } from './support.ts';

/** A container of its own for the test, and the app through which its blobs are reached. */
export async function startBlobs(t: TestContext, account: Account) {
  const { name, raw } = await newContainer(account);
  const { port } = await startApp(t, account.appOptions);
  const at = (path: string) => `/v1/storage/${STORAGE}/containers/${name}/blobs/${path}`;
  const call = async (method: string, path: string, sending?: Sending): Promise<Reply> => {
    const reply = await send(port, method, at(path), sending);
    assert.ok(reply);
    return reply;
  };
  return { raw, port, at, call, name };
}
