import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { findServiceAccount } from '../../../src/dev/embedded-postgres/service-account.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { findProgram } from '../../support/processes/system-program.mjs';

const OPS = fileURLToPath(new URL('../../../ops/pgbouncer/', import.meta.url));
const PACKAGES = { 'apt-get': 'pgbouncer', apk: 'pgbouncer', dnf: 'pgbouncer', brew: 'pgbouncer' };
const GIVEN = { tenantry: `owner's "secret"`, pgbouncer: 'pooler\'s "secret"' };

let postgres: PrivatePostgres;
let pooler: ChildProcess;
let folder: string;
let port: number;
let lookups: 'in one database' | 'in each database';

beforeAll(async () => {
  postgres = await PrivatePostgres.start();
  // As new as the image's is: without the catalog's database and its owner.
  await asSuperuser('postgres', [
    'DROP DATABASE tenantry WITH (FORCE)',
    'DROP OWNED BY tenantry',
    'DROP ROLE tenantry',
    ...(await rolesSql()),
  ]);
  const program = await findProgram('pgbouncer', PACKAGES);
  lookups = knowsAuthDatabase(program) ? 'in one database' : 'in each database';
  if (lookups === 'in each database') await lookUpIn('tenantry');
  await startPooler(program);
});

afterAll(async () => {
  pooler.kill('SIGQUIT');
  await once(pooler, 'close');
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What psql makes of roles.sql: one statement after the other, with the two passwords put in. */
async function rolesSql(): Promise<string[]> {
  const text = (await readFile(join(OPS, 'roles.sql'), 'utf8')).replaceAll(/^(?:\\getenv|--).*$/gm, '');
  const filled = text
    .replace(":'owner_password'", () => pg.escapeLiteral(GIVEN.tenantry))
    .replace(":'pgbouncer_password'", () => pg.escapeLiteral(GIVEN.pgbouncer));
  return filled.split(/;\n/).filter((statement) => statement.trim() !== '');
}

/** `auth_dbname` came with 1.19; Debian 12 has 1.18. */
function knowsAuthDatabase(program: string): boolean {
  const [, minor = '0'] = /PgBouncer 1\.(\d+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' })) ?? [];
  return Number(minor) >= 19;
}

/** For a PgBouncer that queries in the database that the client requested. */
async function lookUpIn(database: string): Promise<void> {
  const lookup = (await rolesSql()).filter((statement) => /SCHEMA|FUNCTION/.test(statement));
  await asSuperuser(database, [...lookup, `GRANT CONNECT ON DATABASE ${database} TO pgbouncer`]);
}

/** What the last of the statements gives. */
async function asSuperuser<Row extends pg.QueryResultRow>(database: string, statements: string[]): Promise<Row[]> {
  const client = new pg.Client({ ...postgres.address, database, user: 'postgres', password: PASSWORDS.superuser });
  await client.connect();
  try {
    let rows: Row[] = [];
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** entrypoint.sh with pgbouncer.ini, of which only the addresses are other ones, as the user that it would not be root. */
async function startPooler(program: string): Promise<void> {
  const account = await findServiceAccount(undefined);
  folder = await mkdtemp(join(tmpdir(), 'tenantry-compose-pgbouncer-'));
  port = await freePort();
  const { host, port: server } = postgres.address;
  const ini = (await readFile(join(OPS, 'pgbouncer.ini'), 'utf8'))
    .replace('host=postgres port=5432', `host=${host} port=${server}`)
    .replace('listen_addr = 0.0.0.0', 'listen_addr = 127.0.0.1')
    .replace('listen_port = 6432', `listen_port = ${port}`);
  await writeFile(join(folder, 'pgbouncer.ini'), ini);
  await writeFile(join(folder, 'entrypoint.sh'), await readFile(join(OPS, 'entrypoint.sh')));
  await chmod(folder, 0o700);
  if (account) await chown(folder, account.uid, account.gid);
  const path = `${program.slice(0, program.lastIndexOf('/'))}:/usr/bin:/bin`;
  pooler = spawn('/bin/sh', ['entrypoint.sh', 'pgbouncer.ini'], {
    cwd: folder,
    env: { PATH: path, PGBOUNCER_PASSWORD: GIVEN.pgbouncer },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(account && { uid: account.uid, gid: account.gid }),
  });
  let said = '';
  const ended = once(pooler, 'close');
  for (const stream of [pooler.stdout, pooler.stderr])
    stream?.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  while (!said.includes('process up')) {
    if (pooler.exitCode !== null) throw new Error(`pgbouncer ended:\n${said}`);
    await Promise.race([once(pooler.stderr as NodeJS.ReadableStream, 'data'), ended]);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return free;
}

async function asks<Row extends pg.QueryResultRow>(login: pg.ClientConfig, text: string): Promise<Row[]> {
  const client = new pg.Client({ host: '127.0.0.1', port, ...login });
  client.on('error', () => undefined); // the query also rejects when the pooler disconnects
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

const OWNER = { user: 'tenantry', password: GIVEN.tenantry, database: 'tenantry' };

describe("compose's PgBouncer before compose's PostgreSQL", () => {
  it('accepts the owner with its PostgreSQL password', async () => {
    expect(await asks(OWNER, 'SELECT current_user AS name')).toEqual([{ name: 'tenantry' }]);
    await expect(asks({ ...OWNER, password: 'guessed' }, 'SELECT 1')).rejects.toThrow();
  });

  it('accepts a login role created while it runs', async () => {
    await asks(OWNER, `CREATE ROLE late LOGIN PASSWORD 'late'; GRANT CONNECT ON DATABASE tenantry TO late`);
    const late = { user: 'late', password: 'late', database: 'tenantry' };
    expect(await asks(late, 'SELECT current_user AS name')).toEqual([{ name: 'late' }]);
  });

  it('accepts that login role in its own database', async () => {
    await asks(OWNER, `CREATE ROLE own LOGIN PASSWORD 'own'`);
    await asks(OWNER, 'CREATE DATABASE own');
    await asks(OWNER, 'REVOKE ALL ON DATABASE own FROM PUBLIC');
    await asks(OWNER, 'GRANT CONNECT ON DATABASE own TO own');
    if (lookups === 'in each database') await lookUpIn('own');
    expect(await asks({ user: 'own', password: 'own', database: 'own' }, 'SELECT current_database() AS name')).toEqual([
      { name: 'own' },
    ]);
  });

  it('rejects superusers', async () => {
    const superuser = { user: 'postgres', password: PASSWORDS.superuser, database: 'tenantry' };
    await expect(asks(superuser, 'SELECT 1')).rejects.toThrow();
  });

  it('stores its password where only it can read it', async () => {
    expect((await stat(join(folder, 'userlist.txt'))).mode & 0o777).toBe(0o600);
  });
});

describe("the roles of compose's PostgreSQL", () => {
  it('are not superusers, and the owner can create databases and roles', async () => {
    const roles = `SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles
                   WHERE rolname IN ('tenantry', 'pgbouncer') ORDER BY rolname`;
    expect(await asSuperuser('postgres', [roles])).toEqual([
      { rolname: 'pgbouncer', rolsuper: false, rolbypassrls: false, rolcreatedb: false, rolcreaterole: false },
      { rolname: 'tenantry', rolsuper: false, rolbypassrls: false, rolcreatedb: true, rolcreaterole: true },
    ]);
  });

  it('expose password verifiers only to pgbouncer, and none of a superuser or an expired role', async () => {
    const seen = (role: string): Promise<{ name: string }[]> =>
      asSuperuser('postgres', [
        `SET ROLE ${role}`,
        `SELECT name FROM unnest(ARRAY['tenantry', 'postgres', 'expired', 'other_superuser', 'replica', 'group_of_roles'])
         AS wanted, pgbouncer.login(wanted)`,
      ]);
    await asSuperuser('postgres', [
      `CREATE ROLE expired LOGIN PASSWORD 'x' VALID UNTIL '2001-01-01'`,
      `CREATE ROLE other_superuser SUPERUSER LOGIN PASSWORD 'x'`,
      `CREATE ROLE replica REPLICATION LOGIN PASSWORD 'x'`,
      `CREATE ROLE group_of_roles NOLOGIN PASSWORD 'x'`,
    ]);
    await expect(seen('tenantry')).rejects.toThrow(/permission denied/);
    expect(await seen('pgbouncer')).toEqual([{ name: 'tenantry' }]);
  });
});
