/** The sidecar's HTTP routes with one storage account, as a process of its own that can be measured. */
import { devNull } from 'node:os';
import { StorageAccounts } from '../../sidecar/files/accounts.ts';
import { createApp } from '../../sidecar/http/app.ts';
import { HttpServer } from '../../sidecar/http/server.ts';
import { createLog } from '../../sidecar/observe/log.ts';
import { OneTimeSecretTokens } from '../../sidecar/secrets/one-time-secret-tokens.ts';
import { answerLoad } from './process-load.ts';

export const TOKEN = 'a-token-for-measurements-alone';

if (process.send) {
  const log = createLog('error');
  const secretTokens = new OneTimeSecretTokens();
  const storages = new StorageAccounts({ secretTokens, stateDirectory: devNull, log });
  const [issued] = await storages.connect('bench', {}, true);
  await secretTokens.redeem(issued?.ticket ?? '', process.env.STORAGE ?? '');
  const app = createApp({
    operations: [],
    context: {
      hubs: {} as never,
      history: { samples: [] },
      storages,
      secretTokens,
      thingworx: {} as never,
      clocks: {} as never,
      sidecar: { version: '0', startedAt: new Date() },
    },
    token: TOKEN,
    log,
  });
  const server = new HttpServer(app, { host: '127.0.0.1', port: 0 });
  answerLoad();
  process.send(await server.start());
  process.once('disconnect', () => process.exit(0));
}
