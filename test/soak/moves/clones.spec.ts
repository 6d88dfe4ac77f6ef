import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { LOCK_NAMES } from '../../../src/platform/postgres/advisory-locks.js';
import { cloneCase } from '../../contracts/clone-crashes.js';
import { crashEverywhere } from '../../contracts/operation-crashes.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { Operators } from '../../support/operations/operators.js';
import { asSuperuser, superuserOf } from '../../support/postgres/postgres.js';
import { type Answer, type Json, TestApp, type TestTenant } from '../../support/test-app.js';

const LONGEST_MS = 10 * 60_000;

describe('a clone whose process is killed', () => {
  let operators: Operators;

  beforeAll(async () => {
    operators = await Operators.start();
  });
  afterAll(async () => operators.close());

  // A kill at the beginning of each step, when the step before it is done and not recorded, and one at the end of all.
  it.each([
    ['row', 'row'],
    ['row', 'database'],
    ['schema', 'row'],
  ] as const)(
    'still has the rows, once (%s to %s)',
    async (from, to) => expect(await crashEverywhere(operators, () => cloneCase(operators, from, to))).toBe(9),
    LONGEST_MS,
  );
});

describe('a tenant that changes while it is cloned', () => {
  let app: TestApp;
  let admin: AdminClient;

  beforeAll(async () => {
    app = await TestApp.start();
    admin = new AdminClient(app);
  });
  afterAll(async () => app.dispose());

  const insert = (tenant: TestTenant, name: string): Promise<Answer> =>
    app.call('/api/v1/customers', {
      ...{ method: 'POST', apiKey: tenant.apiKey, body: { name, email: `${name}@example.com` } },
    });

  const namesOf = async (apiKey: string): Promise<string[]> => {
    const { body } = await app.call('/api/v1/customers', { apiKey });
    return body.items.map(({ name }: Json) => name).toSorted();
  };

  /** Runs `work` while the clone has begun to read and cannot go on. @returns the operation's location, and what `work` returns */
  async function duringCopy<T>(source: TestTenant, slug: string, work: () => Promise<T>): Promise<[string | null, T]> {
    const { database, schema } = (await admin.get(`/tenants/${source.slug}`)).body;
    const blocker = new pg.Client(superuserOf(database));
    await blocker.connect();
    try {
      await blocker.query(`BEGIN; LOCK TABLE "${schema}".orders IN ACCESS EXCLUSIVE MODE`);
      const requested = await admin.send('POST', `/tenants/${source.slug}/clone`, {
        body: { slug, isolation: 'schema' },
      });
      expect(requested.status).toBe(202);
      await soon(async () => {
        const rows = await asSuperuser(
          database,
          `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%orders%' AND datname = current_database()`,
        );
        expect(rows.length).toBeGreaterThan(0);
      });
      return [requested.headers.get('location'), await work()];
    } finally {
      await blocker.end();
    }
  }

  it('is read as it was at one moment, while its tables are not migrated, and its later rows stay its own', async () => {
    const acme = await app.provision('acme', 'row');
    await insert(acme, 'before');
    const { database, schema } = (await admin.get('/tenants/acme')).body;
    const isLocked = async (): Promise<boolean> => {
      const sql = 'SELECT NOT pg_try_advisory_lock(hashtext($1)) AS locked';
      return (
        (await asSuperuser<{ locked: boolean }>(database, sql, [LOCK_NAMES.migrations(schema)]))[0]?.locked === true
      );
    };
    const [location] = await duringCopy(acme, 'acme-copy', async () => {
      expect((await insert(acme, 'during')).status).toBe(201);
      expect(await isLocked()).toBe(true);
    });
    expect(await admin.ended(location)).toMatchObject({ status: 'succeeded' });
    expect(await isLocked()).toBe(false);
    expect(await namesOf(await admin.issueKey('acme-copy'))).toEqual(['before']);
    expect(await namesOf(acme.apiKey)).toEqual(['before', 'during']);
  });

  it('is moved when it was read', async () => {
    const globex = await app.provision('globex', 'row');
    await insert(globex, 'before');
    const [location, move] = await duringCopy(globex, 'globex-copy', async () => {
      const { headers } = await admin.send('POST', '/tenants/globex/move', { body: { isolation: 'schema' } });
      await delay(2_000);
      return headers.get('location');
    });
    expect(await admin.ended(location)).toMatchObject({ status: 'succeeded', result: { rows: 1 } });
    expect(await admin.ended(move)).toMatchObject({ status: 'succeeded' });
    expect(await namesOf(await admin.issueKey('globex-copy'))).toEqual(['before']);
    expect(await namesOf(globex.apiKey)).toEqual(['before']);
    expect((await admin.get('/tenants/globex')).body).toMatchObject({ isolation: 'schema' });
  });

  it('is deleted when it was read, or the clone fails and says why', async () => {
    const initech = await app.provision('initech', 'schema');
    await insert(initech, 'before');
    const [location, deletion] = await duringCopy(initech, 'initech-copy', async () => {
      const { headers } = await admin.send('DELETE', '/tenants/initech?graceSeconds=0');
      await delay(6_000); // its data is removed after 3 s
      return headers.get('location');
    });
    const clone = await admin.ended(location);
    expect(await admin.ended(deletion)).toMatchObject({ status: 'succeeded' });
    expect((await admin.get('/tenants/initech')).status).toBe(404);
    if (clone.status === 'succeeded') {
      expect(await namesOf(await admin.issueKey('initech-copy'))).toEqual(['before']);
    } else {
      expect(clone).toMatchObject({ status: 'failed', error: { code: 'CLONE_REFUSED' } });
    }
  });

  it('is deleted while it is read in shared tables: then it is not cloned, whatever was read', async () => {
    const umbrella = await app.provision('umbrella', 'row');
    await insert(umbrella, 'before');
    const [location, deletion] = await duringCopy(umbrella, 'umbrella-copy', async () => {
      const { headers } = await admin.send('DELETE', '/tenants/umbrella?graceSeconds=0');
      return headers.get('location');
    });
    expect(await admin.ended(location)).toMatchObject({
      status: 'failed',
      error: { code: 'CLONE_REFUSED', message: expect.stringContaining('deleting') },
    });
    expect(await admin.ended(deletion)).toMatchObject({ status: 'succeeded' });
    expect((await admin.get('/tenants/umbrella-copy')).body).toMatchObject({ status: 'failed' });
    const again = await admin.send('DELETE', '/tenants/umbrella-copy?graceSeconds=0');
    expect(await admin.ended(again.headers.get('location'))).toMatchObject({ status: 'succeeded' });
  });
});
