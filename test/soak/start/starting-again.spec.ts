import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import {
  EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../../src/dev/embedded-postgres/embedded-postgres.js';
import {
  FAST,
  noProcessNames,
  PASSWORDS,
  processesNaming,
  query,
  removeFolder,
  temporaryFolder,
} from '../../support/postgres/embedded-server.js';

// One data directory through its life; each test finds what the one before left.
describe('embedded PostgreSQL, started again and again on the same DATA_DIR', () => {
  let folder: string;
  let dataDir: string;
  let options: EmbeddedPostgresOptions;

  beforeAll(async () => {
    folder = await temporaryFolder();
    dataDir = join(folder, 'some', '.data');
    options = { dataDir, passwords: PASSWORDS, settings: FAST };
  });

  afterAll(() => removeFolder(folder));

  async function running<Result>(use: (server: EmbeddedPostgres) => Promise<Result>): Promise<Result> {
    const server = await EmbeddedPostgres.start(options);
    try {
      return await use(server);
    } finally {
      await server.stop();
    }
  }

  it('creates a database that only its owner can use', async () => {
    // What a start that was killed leaves: no process has the id 2^22, the kernel's limit.
    const abandoned = join(dataDir, 'postgres.staging-4194304-abcdef');
    await mkdir(join(abandoned, 'data'), { recursive: true });
    // What another copy is building right now.
    const inProgress = `postgres.staging-${process.pid}-fedcba`;
    await mkdir(join(dataDir, inProgress));
    await running(async ({ url, superuserUrl }) => {
      expect(await query(url, 'SELECT current_user::text AS "user", current_database()::text AS db')).toEqual([
        { user: 'tenantry', db: 'tenantry' },
      ]);
      expect(
        await query(
          url,
          `SELECT rolcreatedb, rolcreaterole, rolsuper, rolbypassrls, rolreplication,
                  has_database_privilege('pg_monitor', 'tenantry', 'CONNECT') AS others_may_connect
           FROM pg_roles WHERE rolname = current_user`,
        ),
      ).toEqual([
        {
          ...{ rolcreatedb: true, rolcreaterole: true, rolsuper: false, rolbypassrls: false, rolreplication: false },
          others_may_connect: false,
        },
      ]);
      const [facts] = await query(
        superuserUrl,
        `SELECT current_setting('listen_addresses') AS listens, current_setting('unix_socket_directories') AS sockets,
                current_setting('data_checksums') AS checksums, current_setting('fsync') AS fsync,
                lower('ÄÖ') AS lower, current_setting('TimeZone') AS zone`,
      );
      expect(facts).toMatchObject({ listens: '127.0.0.1', sockets: '', checksums: 'on', fsync: 'off', lower: 'äö' });
      await query(url, "CREATE TABLE kept AS SELECT 'still here' AS what");
    });
    expect(await readdir(dataDir)).toEqual(['postgres', inProgress]);
    await removeFolder(join(dataDir, inProgress));
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o777).toBe(0o700);
  });

  it('leaves no process after stop, however often it is called', async () => {
    const server = await EmbeddedPostgres.start(options);
    expect(processesNaming(dataDir)).not.toEqual([]);
    await Promise.all([server.stop(), server.stop()]);
    expect(processesNaming(dataDir)).toEqual([]);
    await expect(query(server.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('keeps the data', async () => {
    expect(await running(({ url }) => query(url, 'SELECT what FROM kept'))).toEqual([{ what: 'still here' }]);
  });

  it('completes a first start that crashed before the role and the database existed', async () => {
    await running(async ({ superuserUrl }) => {
      await query(superuserUrl.replace(/tenantry$/, 'postgres'), 'DROP DATABASE tenantry');
      await query(superuserUrl.replace(/tenantry$/, 'postgres'), 'DROP OWNED BY tenantry; DROP ROLE tenantry');
    });
    expect(await running(({ url }) => query(url, 'SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });

  it('accepts a new owner password and explains what to do about a different superuser password', async () => {
    const other = { ...options, passwords: { superuser: 'another', owner: 'another' } };
    await expect(EmbeddedPostgres.start(other)).rejects.toMatchObject({
      code: 'EMBEDDED_PASSWORD_REJECTED',
      message: expect.stringMatching(/^[^\n]*secrets file[^\n]*$/),
    });
    await noProcessNames(dataDir);
    options = { ...options, passwords: { ...PASSWORDS, owner: "new's" } };
    expect(await running(({ url }) => query(url, 'SELECT 1 AS one'))).toEqual([{ one: 1 }]);
  });

  it('reports when the server ends on its own, and not when it is stopped', async () => {
    const lines: string[] = [];
    const server = await EmbeddedPostgres.start({ ...options, onLog: (line) => lines.push(line) });
    const [postmaster] = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(postmaster), 'SIGKILL');
    expect(await server.exited).toMatchObject({ exitCode: 128 + 9 });
    await server.stop();
    expect(processesNaming(dataDir)).toEqual([]);

    const stopped = await EmbeddedPostgres.start({ ...options, onLog: (line) => lines.push(line) });
    const told = Promise.race([stopped.exited.then(() => 'exited'), stopped.stop().then(() => 'stopped')]);
    expect(await told).toBe('stopped');
    expect(lines).toEqual([]);
  });

  it("reports PostgreSQL's own line about why it does not start", async () => {
    await expect(EmbeddedPostgres.start({ ...options, settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
      code: 'EMBEDDED_POSTGRES_FAILED',
      message: expect.stringMatching(/^postgres failed \(exit code 1\): [^\n]*shared_buffers[^\n]*$/),
    });
  });

  it('refuses a port that is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    await expect(EmbeddedPostgres.start({ ...options, port })).rejects.toMatchObject({
      code: 'EMBEDDED_PORT_TAKEN',
      message: `PostgreSQL cannot listen on 127.0.0.1:${port}: the port is in use`,
    });
    holder.close();
  });

  it('refuses a folder that holds something else', async () => {
    const other = join(folder, 'other');
    await mkdir(join(other, 'postgres', 'my-notes'), { recursive: true });
    await expect(EmbeddedPostgres.start({ ...options, dataDir: other })).rejects.toMatchObject({
      code: 'EMBEDDED_DATA_DIR_UNUSABLE',
      message: `cannot store PostgreSQL's data in ${other}/postgres: it contains other files; move them away`,
    });
    expect(await readdir(join(other, 'postgres'))).toEqual(['my-notes']);
  });

  it('refuses the data of another major version and touches nothing', async () => {
    const data = join(dataDir, 'postgres');
    const own = (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim();
    await writeFile(join(data, 'PG_VERSION'), '14\n');
    const before = await readdir(data);
    await expect(EmbeddedPostgres.start(options)).rejects.toMatchObject({
      code: 'EMBEDDED_DATA_VERSION',
      message: expect.stringMatching(new RegExp(`^[^\\n]*written by PostgreSQL 14, but this is ${own}[^\\n]*$`)),
    });
    expect(await readdir(data)).toEqual(before);
    expect(await readdir(dataDir)).toEqual(['postgres']);
  });
});
