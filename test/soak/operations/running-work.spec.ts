import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ReadStream } from 'node:fs';
import QueryStream from 'pg-query-stream';
import { StampedClient } from '../../../src/database/transactions/stamped-client.js';
import { soon } from '../../support/load/soon.js';
import { accessTo } from '../../support/pool/test-pool.js';
import { createStamp } from '../../../src/database/statements/stamps/stamp.js';
import { newCursor } from '../../support/statements/pg-cursor.js';
import {
  Bystander,
  codeOf,
  type RigTenant,
  SuspensionRig,
  untilRefused,
} from '../../support/suspension/suspension-rig.js';

const SUSPENDED = 'TENANT_SUSPENDED';

describe.each([
  ['pooled', true],
  ['direct connections', false],
])('when a tenant is suspended (%s)', (_, enabled) => {
  let rig: SuspensionRig;
  let acme: RigTenant;
  let umbrella: RigTenant;
  let bystander: Bystander;

  beforeAll(async () => {
    rig = await SuspensionRig.open({ pool: { enabled } });
  });

  afterAll(() => rig.close());

  beforeEach(async () => {
    acme = await rig.tenant();
    umbrella = await rig.tenant();
    bystander = new Bystander(umbrella.dataSource);
    await soon(async () => expect(bystander.served).toBeGreaterThan(5));
  });

  afterEach(async () => {
    const { served } = bystander;
    await soon(async () => expect(bystander.served).toBeGreaterThan(served + 5));
    await bystander.stop();
    expect(bystander.failures).toEqual([]);
    if (enabled) expect(bystander.pids.size).toBeLessThanOrEqual(4); // none of its connections was lost
    // What was refused left nothing behind, and all of it works at once when the tenant is back.
    await rig.setStatus(acme, 'active');
    await soon(async () =>
      expect(await codeOf(acme.dataSource.query('INSERT INTO marks DEFAULT VALUES'))).toBe('done'),
    );
    await acme.dataSource.transaction((manager) => manager.query('INSERT INTO marks DEFAULT VALUES'));
    await soon(async () =>
      expect(rig.pools.get(acme.placement.target).counts()).toMatchObject({ busy: 0, waiting: 0 }),
    );
    expect(rig.pools.get(acme.placement.target).pool.openLeases()).toEqual([]);
  });

  it('a loop of statements is ended', async () => {
    const loop = untilRefused(() => acme.dataSource.query('INSERT INTO marks DEFAULT VALUES'));
    await soon(async () => expect(await rig.lastMark(acme)).toBeGreaterThan(0));
    await rig.setStatus(acme, 'suspended');
    expect(await loop).toBe(SUSPENDED);
    expect(await codeOf(acme.dataSource.query('INSERT INTO marks DEFAULT VALUES'))).toBe(SUSPENDED);
  });

  it('a running statement is cancelled at the server', async () => {
    const sleeping = codeOf(acme.dataSource.query(`SELECT ${acme.tag} pg_sleep(600)`));
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, 'suspended');
    expect(await sleeping).toBe(SUSPENDED);
    await rig.untilBackends(acme, 0);
  });

  it('a statement that ignores its cancellation is abandoned: its caller is rejected and its connection closed', async () => {
    const stubborn = codeOf(acme.dataSource.query(`SELECT ${acme.tag} stubborn()`));
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, 'suspended');
    expect(await stubborn).toBe(SUSPENDED);
    for (const { pid } of await rig.backendsOf(acme)) {
      await rig.database.admin('SELECT pg_terminate_backend($1)', [pid]);
    }
  });

  it('a transaction in the middle of a statement is ended with the reason', async () => {
    const transaction = acme.dataSource.transaction(async (manager) => {
      await manager.query('INSERT INTO marks DEFAULT VALUES');
      await manager.query(`SELECT ${acme.tag} pg_sleep(600)`);
    });
    const outcome = codeOf(transaction);
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, 'suspended');
    expect(await outcome).toBe(SUSPENDED);
    await rig.untilBackends(acme, 0);
    expect(await rig.lastMark(acme)).toBeNull();
  });

  it('an idle transaction is ended, and its COMMIT fails with the reason', async () => {
    let goOn: () => void = () => undefined;
    const elsewhere = new Promise<void>((resolve) => (goOn = resolve));
    const transaction = acme.dataSource.transaction(async (manager) => {
      await manager.query(`INSERT ${acme.tag} INTO marks DEFAULT VALUES`);
      await elsewhere;
    });
    const outcome = codeOf(transaction);
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, 'suspended');
    await rig.untilBackends(acme, 0);
    goOn();
    expect(await outcome).toBe(SUSPENDED);
    expect(await rig.lastMark(acme)).toBeNull();
  });

  it('a transaction that ends at once may still commit', async () => {
    let isRefused = false;
    await acme.dataSource.transaction(async (manager) => {
      await manager.query('INSERT INTO marks DEFAULT VALUES');
      await rig.setStatus(acme, 'suspended');
      isRefused = (await untilRefused(() => acme.dataSource.query('SELECT 1'))) === SUSPENDED;
    });
    expect(isRefused).toBe(true);
    expect(await rig.lastMark(acme)).toBeGreaterThan(0);
  });

  it('waiting callers are rejected before running statements are ended', async () => {
    const sleeping = [1, 2, 3].map(() => codeOf(acme.dataSource.query(`SELECT ${acme.tag} pg_sleep(600)`)));
    await rig.untilBackends(acme, 3);
    const waiting = Array.from({ length: 20 }, () => codeOf(acme.dataSource.query('INSERT INTO marks DEFAULT VALUES')));
    await soon(async () => expect(rig.pools.get(acme.placement.target).counts().waiting).toBeGreaterThanOrEqual(20));
    await rig.setStatus(acme, 'suspended');
    let isFirst = true;
    const first = Promise.race(sleeping).then(() => (isFirst = false));
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => SUSPENDED));
    expect(isFirst).toBe(true); // before anything that runs was ended
    await first;
    expect(await Promise.all(sleeping)).toEqual([SUSPENDED, SUSPENDED, SUSPENDED]);
    expect(await rig.lastMark(acme)).toBeNull();
  });

  it('a stream that is read slowly ends with the reason', async () => {
    const runner = acme.dataSource.createQueryRunner();
    const stream = (await runner.stream(`SELECT ${acme.tag} n FROM generate_series(1, 1000000) n`)) as ReadStream;
    await once(stream, 'readable');
    const failed = once(stream, 'error').catch((error: unknown) => [error]);
    await rig.setStatus(acme, 'suspended');
    const [error] = (await failed) as [{ code: string }];
    expect(error.code).toBe(SUSPENDED);
    await rig.untilBackends(acme, 0);
    await runner.release();
  });

  it('a stream that waits for its next row ends with the reason', async () => {
    const runner = acme.dataSource.createQueryRunner();
    const text = `SELECT ${acme.tag} n, CASE WHEN n > 150 THEN pg_sleep(600) END FROM generate_series(1, 300) n`;
    const stream = (await runner.stream(text)) as ReadStream;
    const failed = once(stream, 'error') as Promise<[{ code: string }]>;
    stream.resume();
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, 'suspended');
    expect((await failed)[0].code).toBe(SUSPENDED);
    await rig.untilBackends(acme, 0);
    await runner.release();
  });

  it('a cursor that is read row by row ends with the reason', async () => {
    const client = clientOf(acme);
    const cursor = client.query(newCursor(`SELECT ${acme.tag} n FROM generate_series(1, 100000000) n`));
    const reading = untilRefused(() => cursor.read(1));
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, 'suspended');
    await rig.untilBackends(acme, 0);
    expect(await reading).toBe(SUSPENDED);
    client.release();
  });

  it('a stream in a transaction ends with the reason, and so does the transaction', async () => {
    const client = clientOf(acme);
    await client.query('BEGIN');
    const stream = client.query(new QueryStream(`SELECT ${acme.tag} n FROM generate_series(1, 1000000) n`));
    await once(stream, 'readable');
    const failed = once(stream, 'error').catch((error: unknown) => [error]);
    await rig.setStatus(acme, 'suspended');
    expect(((await failed) as [{ code: string }])[0].code).toBe(SUSPENDED);
    expect(await codeOf(client.query('COMMIT'))).toBe(SUSPENDED);
    client.release();
  });

  it('a session is ended: its listener is notified, and running and later statements are rejected', async () => {
    let goOn: () => void = () => undefined;
    const notified = new Promise<{ code?: string }>((resolve) => {
      goOn = () => undefined;
      void codeOf(
        rig.session(acme, async (session) => {
          session.on('lost', (error) => resolve(error as { code?: string }));
          await session.listen('somewhere');
          await new Promise<void>((done) => (goOn = done));
        }),
      );
    });
    const running = codeOf(
      rig.session(acme, async (session) => {
        await session.query('CREATE TEMPORARY TABLE mine ()');
        const first = await codeOf(session.query(`SELECT ${acme.tag} pg_sleep(600)`));
        const second = await codeOf(session.query('SELECT 1'));
        throw Object.assign(new Error('both'), { code: `${first} ${second}` });
      }),
    );
    await rig.untilBackends(acme, 1);
    await rig.setStatus(acme, 'suspended');
    expect(await notified).toMatchObject({ code: SUSPENDED });
    goOn();
    expect(await running).toBe(`${SUSPENDED} ${SUSPENDED}`);
    await rig.untilBackends(acme, 0);
    expect(await codeOf(rig.session(acme, async () => undefined))).toBe(SUSPENDED);
  });

  function clientOf({ id, placement }: RigTenant): StampedClient {
    return new StampedClient(accessTo(rig.pools.get(placement.target), createStamp(id, placement.schema)));
  }
});
