import assert from 'node:assert/strict';
import type { Row } from '../../scripts/local/platform.ts';
import type { LocalSystem } from '../../scripts/local/system.ts';

/** Users of the emulated ThingWorx with application keys, and what they call. */
export class Users {
  readonly #system: LocalSystem;

  constructor(system: LocalSystem) {
    this.#system = system;
  }

  async keyOf(name: string): Promise<string> {
    const table = (await this.#system.platform.invokeOn('ApplicationKeys', name, 'GetKeyID')) as {
      rows: Row[];
    };
    return String(table.rows[0]?.result);
  }

  /** The application key of a new user. */
  async create(name: string, group?: string): Promise<string> {
    const { platform } = this.#system;
    const services = ['Resources', 'EntityServices'] as const;
    await platform.invokeOn(...services, 'CreateUser', { name, password: 'a-Long-Enough-1' });
    if (group) await platform.invokeOn('Groups', group, 'AddMember', { member: name, type: 'User' });
    await platform.invokeOn(...services, 'CreateApplicationKey', {
      name,
      user: name,
      expirationDate: Date.now() + 3_600_000,
    });
    return await this.keyOf(name);
  }

  async as(key: string, target: string, body: Row = {}, method = 'POST'): Promise<Response> {
    return await fetch(`${this.#system.cloud.thingworxUrl}/${target}`, {
      method,
      headers: {
        appKey: key,
        accept: 'application/json',
        'content-type': 'application/json',
        'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE',
      },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** What the emulated ThingWorx does where its versions differ. */
  async setSwitches(changes: Row): Promise<void> {
    const answer = await fetch(`${this.#system.cloud.thingworxControlUrl}/switches`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(changes),
    });
    assert.ok(answer.ok, await answer.text());
  }
}
