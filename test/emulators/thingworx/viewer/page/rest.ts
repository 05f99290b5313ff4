/** An infotable in JSON. */
export interface Table {
  readonly dataShape: { readonly fieldDefinitions?: Readonly<Record<string, unknown>> } | undefined;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** A mashup as REST gives it. */
export interface MashupEntity {
  readonly name: string;
  readonly mashupContent: string;
}

const JSON_HEADERS = {
  accept: 'application/json',
  'content-type': 'application/json',
  'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE',
};

/** The REST interface of ThingWorx, with the session that the login opened. */
export class Rest {
  /** Who is logged in; an empty text when nobody is. */
  async user(): Promise<string> {
    const answer = await fetch('session');
    return ((await answer.json()) as { user: string }).user;
  }

  async login(user: string, password: string): Promise<void> {
    const answer = await fetch('session', {
      method: 'POST',
      headers: JSON_HEADERS,
      body: JSON.stringify({ user, password }),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async logout(): Promise<void> {
    await fetch('session', { method: 'DELETE', headers: JSON_HEADERS });
  }

  async mashups(): Promise<Table> {
    return (await this.#send('GET', '/Thingworx/Mashups')) as Table;
  }

  async mashup(name: string): Promise<MashupEntity> {
    return (await this.#send('GET', `/Thingworx/Mashups/${encodeURIComponent(name)}`)) as MashupEntity;
  }

  async invoke(
    collection: string,
    entity: string,
    service: string,
    input: unknown,
  ): Promise<Table | undefined> {
    const path = `/Thingworx/${collection}/${encodeURIComponent(entity)}/Services/${encodeURIComponent(service)}`;
    return (await this.#send('POST', path, input)) as Table | undefined;
  }

  async #send(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(path, {
      method,
      headers: JSON_HEADERS,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}
