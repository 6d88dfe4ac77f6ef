import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { cancelIfBusy } from '../../../src/database/connection/cancel-request.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { findServiceAccount } from '../../../src/dev/embedded-postgres/service-account.js';
import { removeFolder, temporaryFolder } from '../../support/postgres/embedded-server.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { soon } from '../../support/load/soon.js';
import { findProgram } from '../../support/processes/system-program.mjs';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { createTenantDatabase, type TenantDatabase } from '../../support/postgres/tenant-database.js';
import { TestPool } from '../../support/pool/test-pool.js';

/** Much longer than any test may wait: what ends it is the cancelling. */
const SLEEP = 'SELECT pg_sleep(300)';

let database: TenantDatabase;

beforeAll(async () => {
  database = await createTenantDatabase();
});

afterAll(() => database.drop());

type Admin = <Row extends object>(text: string) => Promise<Row[]>;

async function sleepers(admin: Admin): Promise<number> {
  const [row] = await admin<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE query = '${SLEEP}' AND state = 'active'`,
  );
  return row?.count ?? 0;
}

async function isStoppedBy(target: ConnectionTarget, admin: Admin, end: 'cut' | 'discard'): Promise<void> {
  const pool = new TestPool(target, { statementTimeoutMs: 400_000 });
  const connection = await pool.acquire({ hold: 'lease' });
  const outcome = connection.client.query(SLEEP).then(
    () => 'done',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  await soon(async () => expect(await sleepers(admin)).toBe(1));
  if (end === 'cut') {
    void pool.end();
    pool.destroyAll();
    expect(await outcome).toMatch(/^Connection terminated/); // not that it was cancelled
  } else {
    connection.release('its caller has given up');
    await outcome;
  }
  await soon(async () => expect(await sleepers(admin)).toBe(0));
  await pool.end();
}

describe('a client that is closed while its statement is running', () => {
  it('has it cancelled at the server', async () => {
    const { server, database: name, role: user, password } = database.target;
    const client = new pg.Client({ host: server.host, port: server.port, database: name, user, password });
    await client.connect();
    expect(cancelIfBusy(client)).toBe(false);
    const outcome = expect(client.query(SLEEP)).rejects.toMatchObject({ code: '57014' });
    await soon(async () => expect(await sleepers((text) => database.admin(text))).toBe(1));
    expect(cancelIfBusy(client)).toBe(true);
    await outcome;
    await client.end();
    expect(cancelIfBusy(client)).toBe(false);
  });
});

describe.each(['cut', 'discard'] as const)('closing a busy connection (%s)', (end) => {
  it('cancels its statement at the server', () => isStoppedBy(database.target, (text) => database.admin(text), end));

  it('cancels its statement behind PgBouncer', async () => {
    const pooler = await PgBouncer.start({ poolSize: 1 });
    try {
      await isStoppedBy(pooler.through(database.target), (text) => database.admin(text), end);
    } finally {
      await pooler.stop();
    }
  });

  it('cancels its statement over TLS', async () => {
    const postgres = await PrivatePostgres.start();
    const folder = await temporaryFolder();
    try {
      const { certificate, key } = await selfSigned(folder);
      await postgres.admin(`ALTER SYSTEM SET ssl_cert_file = '${certificate}'`);
      await postgres.admin(`ALTER SYSTEM SET ssl_key_file = '${key}'`);
      await postgres.admin('ALTER SYSTEM SET ssl = on');
      await postgres.admin('SELECT pg_reload_conf()');
      await soon(async () => expect(await postgres.admin('SHOW ssl')).toEqual([{ ssl: 'on' }]));
      const { target } = postgres;
      const overTls: ConnectionTarget = { ...target, server: { ...target.server, tls: 'require' } };
      await isStoppedBy(overTls, (text) => postgres.admin(text), end);
    } finally {
      await postgres.stop();
      await removeFolder(folder);
    }
  });
});

it('a server that ignores the cancel request delays nothing, and the slot is released', async () => {
  const proxy = await TcpProxy.before(database.target.server);
  const pool = new TestPool(proxy.through(database.target), { statementTimeoutMs: 400_000 });
  const connection = await pool.acquire({ hold: 'lease' });
  const outcome = connection.client.query(SLEEP).catch((error: unknown) => error);
  await soon(async () => expect(await sleepers((text) => database.admin(text))).toBe(1));
  proxy.freeze();
  const ended = pool.end();
  pool.destroyAll();
  await ended;
  expect(await outcome).toBeInstanceOf(Error);
  expect(pool.budget.open).toBe(0);
  proxy.thaw();
  await proxy.close();
  await database.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = '${SLEEP}'`);
});

async function selfSigned(folder: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const openssl = await findProgram('openssl', {
    'apt-get': 'openssl',
    apk: 'openssl',
    dnf: 'openssl',
    brew: 'openssl',
  });
  const [certificate, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  await promisify(execFile)(openssl, [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...['-subj', '/CN=localhost', '-keyout', key, '-out', certificate],
  ]);
  const account = await findServiceAccount(undefined);
  if (account) await Promise.all([certificate, key].map((path) => chown(path, account.uid, account.gid)));
  return { certificate, key };
}
