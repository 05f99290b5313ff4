import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Exchange } from '../rest/exchange.ts';
import type { Authentication } from '../security/authentication.ts';

const PAGE = new URL('./page/', import.meta.url);
const PATH = 'Runtime';

/**
 * A page that runs mashups, at the address at which the platform does. It is made for development: it renders the widgets that it knows in a
 * look of its own, and reads mashups and calls services over REST with the rights of whoever logs in. Faults do not hit it.
 */
export class MashupViewer {
  private readonly authentication: Authentication;
  private script: Promise<string> | undefined;

  constructor(authentication: Authentication) {
    this.authentication = authentication;
  }

  /** Answers the page, its parts and its login; false for any other request. */
  async handle(exchange: Exchange): Promise<boolean> {
    const [folder, file = '', ...rest] = exchange.segments;
    if (folder !== PATH || rest.length > 0) return false;
    if (file === 'session') {
      await this.session(exchange);
      return true;
    }
    if (exchange.method !== 'GET') return false;
    switch (file) {
      case '':
      case 'index.html':
        exchange.send(200, 'text/html; charset=UTF-8', await readFile(new URL('index.html', PAGE)));
        return true;
      case 'styles.css':
        exchange.send(200, 'text/css; charset=UTF-8', await readFile(new URL('styles.css', PAGE)));
        return true;
      case 'viewer.js':
        this.script ??= bundle();
        exchange.send(200, 'text/javascript; charset=UTF-8', await this.script);
        return true;
      default:
        return false;
    }
  }

  /** GET: who is logged in. POST: a login. DELETE: the end of the session. */
  private async session(exchange: Exchange): Promise<void> {
    if (exchange.method === 'POST') {
      const { user = '', password = '' } = (await exchange.json(10_000)) as Record<string, string>;
      const login = this.authentication.login({
        appKey: undefined,
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
        cookie: undefined,
        remoteAddress: exchange.request.socket.remoteAddress ?? '',
      });
      // 403, since a browser would open a dialog of its own after 401.
      if ('reason' in login)
        return exchange.send(403, 'text/plain; charset=UTF-8', `Login failed: ${login.reason}`);
      this.setCookie(exchange, this.authentication.open(login.user));
      return exchange.sendJson({ user: login.user });
    }
    if (exchange.method === 'DELETE') {
      this.setCookie(exchange, '');
      return exchange.sendJson({ user: '' });
    }
    exchange.sendJson({ user: this.authentication.userOf(exchange.header('cookie')) ?? '' });
  }

  private setCookie(exchange: Exchange, id: string): void {
    exchange.response.setHeader('Set-Cookie', `JSESSIONID=${id}; Path=/Thingworx; HttpOnly; SameSite=Strict`);
  }
}

async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('main.ts', PAGE))],
    bundle: true,
    write: false,
    format: 'esm',
    target: ['es2022'],
    logLevel: 'error',
  });
  return result.outputFiles[0]?.text ?? '';
}
