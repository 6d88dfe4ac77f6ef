import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { HostApplication } from '../../support/host/host-application.js';
import { soon } from '../../support/load/soon.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';

let database: TestDatabase;
let proxy: TcpProxy;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  proxy = await TcpProxy.before(testServer());
});

afterAll(async () => {
  await proxy.close();
  await database.drop();
});

it('an application with the package waits at its start for PostgreSQL, as long as STARTUP_WAIT says', async () => {
  const logger = new LogRecorder();
  const through = new URL(database.url);
  through.host = proxy.address;
  const start = (seconds: string): Promise<HostApplication> =>
    HostApplication.start({
      ...{ adapter: 'express', database, logger },
      env: { DATABASE_URL: through.href, STARTUP_WAIT: seconds },
    });
  proxy.cut();
  await expect(start('0')).rejects.toMatchObject({ code: 'CATALOG_UNAVAILABLE' });
  const starting = start('60');
  await soon(async () => expect(logger.text).toContain('Waiting up to 60 s'));
  proxy.mend();
  const host = await starting;
  expect((await host.fetch('/notes')).status).toBe(401);
  await host.stop();
});
