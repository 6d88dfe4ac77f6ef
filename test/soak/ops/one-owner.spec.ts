import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client } from 'pg';
import {
  EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../../src/dev/embedded-postgres/embedded-postgres.js';
import {
  endOwner,
  FAST,
  noProcessNames,
  type Owner,
  PASSWORDS,
  query,
  removeFolder,
  startOwner,
  temporaryFolder,
} from '../../support/postgres/embedded-server.js';

describe('the process that owns an embedded PostgreSQL', () => {
  let folder: string;
  let dataDir: string;
  let start: EmbeddedPostgresOptions;
  let owner: Owner | undefined;

  beforeAll(async () => {
    folder = await temporaryFolder();
    dataDir = join(folder, '.data');
    start = { dataDir, passwords: PASSWORDS, settings: FAST };
  });

  afterEach(async () => {
    if (owner) await endOwner(owner);
    owner = undefined;
    await noProcessNames(dataDir);
  });

  afterAll(() => removeFolder(folder));

  async function urlOfNewOwner(): Promise<string> {
    owner = await startOwner({ start });
    expect(owner.answer).toEqual({ url: expect.any(String) });
    return owner.answer.url ?? '';
  }

  it('is unique: of two simultaneous first starts one serves, and the other and any later one are rejected', async () => {
    const starts = await Promise.allSettled([EmbeddedPostgres.start(start), EmbeddedPostgres.start(start)]);
    const servers = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const refusals = starts.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    try {
      expect(servers).toHaveLength(1);
      const running = new Client({ connectionString: servers[0]?.url });
      await running.connect();
      await running.query('BEGIN; CREATE TABLE mine (x int)');
      refusals.push(await EmbeddedPostgres.start(start).catch((error: unknown) => error));
      for (const refusal of refusals) {
        expect(refusal).toMatchObject({
          code: 'EMBEDDED_DATA_IN_USE',
          message: expect.stringMatching(/^another instance is running on [^\n]*\.data: stop it[^\n]*$/),
        });
      }
      expect(refusals).toHaveLength(2);
      await running.query('INSERT INTO mine VALUES (1); COMMIT');
      expect((await running.query('SELECT x FROM mine')).rows).toEqual([{ x: 1 }]);
      await running.end();
    } finally {
      for (const server of servers) await server.stop();
    }
  });

  it('may start while its predecessor is about to end', async () => {
    const before = await EmbeddedPostgres.start(start);
    let stopped: Promise<void> | undefined;
    const next = await EmbeddedPostgres.start({
      ...start,
      onLog: (line) => {
        if (line.includes('lock file')) stopped ??= before.stop();
      },
    });
    expect(stopped).toBeDefined();
    await stopped;
    expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await next.stop();
  });

  it('ends PostgreSQL even when it is killed, and the next start finds all data', async () => {
    const url = await urlOfNewOwner();
    const client = new Client({ connectionString: url });
    client.on('error', () => {}); // its server is about to go away
    const gone = new Promise((resolve) => void client.once('end', () => resolve(undefined)));
    await client.connect();
    await client.query('CREATE TABLE written_before (x int)');
    owner?.child.kill('SIGKILL');
    const next = await EmbeddedPostgres.start(start); // at once: it waits for the lock
    await gone;
    expect(await query(next.url, 'SELECT * FROM written_before')).toEqual([]);
    await next.stop();
  });

  it('keeps its server when Ctrl-C reaches every process of the terminal', async () => {
    await urlOfNewOwner();
    const group = owner?.child.pid;
    if (!owner || group === undefined) throw new Error('no owner');
    const exit = once(owner.child, 'exit');
    process.kill(-group, 'SIGINT');
    expect(await owner.lines.next()).toEqual({ done: false, value: 'drained' });
    expect(await exit).toEqual([0, null]);
    await noProcessNames(dataDir, 0);
  });
});
