import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import { TenantConnectionService } from '../../../../src/tenant/context/tenant-connection.service.js';
import { PositionHeader } from '../../../../src/tenant/replicas/position-header.js';
import { soon } from '../../../support/load/soon.js';
import { Counter, Counters } from '../../../support/replicas/counter.module.js';
import { ReplicatedApp } from '../../../support/replicas/replicated-app.js';
import { Cli } from '../../../support/cli/cli.js';
import { ADMIN_KEY, type TestTenant } from '../../../support/test-app.js';

let rig: ReplicatedApp;
let acme: TestTenant;
let other: TestTenant;
let connections: TenantConnectionService;
let counters: Counters;

beforeAll(async () => {
  rig = await ReplicatedApp.start();
  acme = await rig.app.provision('acme', 'row');
  other = await rig.app.provision('other', 'row');
  connections = rig.app.application.nest.get(TenantConnectionService);
  counters = rig.app.application.nest.get(Counters, { strict: false });
  for (const tenant of [acme, other]) await untilReadFromReplica(tenant);
}, 60_000);

afterAll(() => rig.stop());

/** What is read first goes to the primary, until both have been asked how far they are. */
async function untilReadFromReplica(tenant: TestTenant): Promise<void> {
  const { reads } = rig.counts;
  await soon(async () => {
    expect((await rig.get(tenant, 0)).status).toBe(200);
    expect(rig.counts.reads).toBeGreaterThan(reads);
  });
}

/** In a context of the tenant, as a job has one. */
function run<T>(work: () => Promise<T>, tenant = acme): Promise<T> {
  return connections.run(tenant, work);
}

const increment = (): Promise<unknown> => counters.repository.query('UPDATE counters SET value = value + 1');
const writing = { code: 'REPLICA_READ_ONLY' };

it('a caller that sends its position back reads what it has written, from the replica', async () => {
  const { reads } = rig.counts;
  for (let value = 0; value < 20; value += 1) {
    const position = (await rig.set(acme, 1, value)).headers.get('x-tenantry-position');
    expect((await rig.get(acme, 1, String(position))).body).toEqual({ value });
  }
  expect(rig.counts.reads).toBeGreaterThan(reads);
});

it('a call reads what it has written itself, by a statement, a transaction or a stream', async () => {
  const body = { value: 7 };
  const path = '/counters/2/again';
  expect((await rig.app.call(path, { method: 'POST', apiKey: acme.apiKey, body })).body).toEqual(body);
  await run(async () => {
    for (let value = 0; value < 10; value += 1) {
      await counters.set(3, value);
      expect(await connections.replica(() => counters.get(3))).toBe(value);
    }
  });
});

it('nothing is asked, and no position given, where a request only reads', async () => {
  expect((await rig.get(acme, 1)).headers.get('x-tenantry-position')).toBeNull();
});

it('a position of another tenant, or one that was made up, is read from the primary, and replaced by a true one', async () => {
  const foreign = (await rig.set(other, 1, 5)).headers.get('x-tenantry-position') as string;
  await rig.set(acme, 1, 6);
  for (const made of [
    foreign,
    'test.AAAA',
    `test.${'A'.repeat(150)}`,
    'x'.repeat(5_000),
    '',
    '1 1 FFFFFFFF/FFFFFFFF',
  ]) {
    const { elsewhere } = rig.counts.fallbacks;
    const answer = await rig.get(acme, 1, made);
    expect([answer.status, answer.body]).toEqual([200, { value: 6 }]);
    expect(rig.counts.fallbacks).toMatchObject({ elsewhere: Number(elsewhere) + 1 });
    const { reads } = rig.counts;
    const again = await rig.get(acme, 1, answer.headers.get('x-tenantry-position') as string);
    expect([again.body, rig.counts.reads]).toEqual([{ value: 6 }, reads + 1]);
  }
});

it('after a write of unknown outcome, the primary answers until the caller has written again', async () => {
  const unknown = rig.app.application.nest.get(PositionHeader, { strict: false }).seal(acme.id, 'unknown');
  const { reads } = rig.counts;
  const { elsewhere } = rig.counts.fallbacks;
  for (let turn = 1; turn <= 2; turn += 1) {
    const answer = await rig.get(acme, 1, unknown);
    expect([answer.status, answer.headers.get('x-tenantry-position')]).toEqual([200, null]);
    expect(rig.counts.fallbacks).toMatchObject({ elsewhere: Number(elsewhere) + turn });
  }
  expect(rig.counts.reads).toBe(reads);
  const written = await rig.app.call('/counters/1', {
    ...{ method: 'POST', apiKey: acme.apiKey, body: { value: 8 } },
    headers: { 'x-tenantry-position': unknown },
  });
  const answer = await rig.get(acme, 1, String(written.headers.get('x-tenantry-position')));
  expect([answer.body, rig.counts.reads]).toEqual([{ value: 8 }, reads + 1]);
});

it('what writes is refused, however it is written, and nothing is written', async () => {
  await run(() => counters.set(4, 1));
  const attempts = [
    () => increment(),
    () => counters.repository.update({ id: 4 }, { value: 2 }),
    () => counters.repository.query('WITH n AS (UPDATE counters SET value = 2 RETURNING 1) SELECT * FROM n'),
    () => counters.repository.query('SELECT value FROM counters FOR UPDATE'),
    () => connections.transaction((manager) => manager.update(Counter, { id: 4 }, { value: 2 })),
    () => connections.transaction((manager) => manager.query('SELECT value FROM counters FOR UPDATE')),
    () => connections.batch((batch) => [batch.update(Counter, { id: 4 }, { value: 2 })]),
    () => connections.session((session) => session.query('UPDATE counters SET value = 2')),
  ];
  for (const attempt of attempts) {
    await expect(run(() => connections.replica<unknown>(attempt))).rejects.toMatchObject(writing);
  }
  expect((await rig.app.call('/counters/4/increment', { apiKey: acme.apiKey })).status).toBe(500);
  expect(await run(() => counters.get(4))).toBe(1);
});

it('what the replica refuses is refused on the primary too, when it stands in for the replica', async () => {
  const text = 'WITH n AS (UPDATE counters SET value = 2 RETURNING 1) SELECT * FROM n';
  await run(async () => {
    const asked = connections.replica(async () => {
      await expect(counters.repository.query('SELECT nothing FROM counters')).rejects.toMatchObject({ code: '42703' });
      return counters.repository.query(text); // the primary has answered before, and is asked from then on
    });
    await expect(asked).rejects.toMatchObject(writing);
    expect(await counters.get(4)).toBe(1);
  });
});

it('a transaction where only reads are allowed is read-only, and what was refused leaves the connections in use', async () => {
  const opened = (): number =>
    rig.app.application.nest
      .get(ConnectionPools)
      .snapshot()
      .pools.reduce((sum, { opened }) => sum + opened, 0);
  const before = opened();
  await run(async () => {
    const modes = await connections.replica(() =>
      connections.transaction((manager) => manager.query('SHOW transaction_read_only')),
    );
    expect(modes).toEqual([{ transaction_read_only: 'on' }]);
    for (let turn = 0; turn < 5; turn += 1) {
      await expect(
        connections.replica(() => counters.repository.query('SELECT value FROM counters FOR SHARE')),
      ).rejects.toMatchObject(writing);
    }
    await expect(
      connections.replica(() => connections.transaction((manager) => manager.query('SET TRANSACTION READ WRITE'))),
    ).rejects.toMatchObject(writing);
  });
  expect(opened() - before).toBeLessThanOrEqual(2);
});

it('a tenant sees nothing of another one on the replica', async () => {
  await run(() => counters.set(5, 1));
  await run(() => counters.set(5, 2), other);
  const read = (): Promise<unknown> => connections.replica(() => counters.repository.find({ where: { id: 5 } }));
  await soon(async () => expect(await run(read)).toEqual([{ id: 5, value: 1 }]));
  await soon(async () => expect(await run(read, other)).toEqual([{ id: 5, value: 2 }]));
  const stolen = `SELECT set_config('app.tenant_id', '${other.id}', true)`;
  await expect(run(() => connections.replica(() => counters.repository.query(stolen)))).rejects.toMatchObject({
    code: expect.stringMatching(/^(?:STAMP_PROTECTED|SESSION_STATEMENT_REFUSED)$/),
  });
});

it('doctor, health and the metrics show the replica', async () => {
  const { findings } = (await new Cli(rig.app.env).run('doctor', '--json')).json as { findings: { check: string }[] };
  const { host, port } = rig.replica.address;
  const subject = `default ${host}:${port}`;
  expect(findings.filter(({ check }) => check === 'replica')).toEqual([
    { check: 'replica', verdict: 'ok', subject, message: expect.stringMatching(/^lacks \d+ bytes/) },
  ]);
  const health = (await rig.app.call('/health/ready')).body;
  expect(health.details.readReplicas).toEqual({ status: 'up', serviceable: 1, total: 1 });
  const metrics = (await rig.app.call('/metrics', { apiKey: ADMIN_KEY })).text;
  expect(metrics).toMatch(/^tenantry_replica_reads_total\{server="[\da-f-]+",replica="1"\} [1-9]/m);
  expect(metrics).toMatch(/^tenantry_replica_up\{.*\} 1$/m);
  expect(metrics).toMatch(/^tenantry_replica_fallbacks_total\{reason="elsewhere"\} [1-9]/m);
});

it('a replica that is killed is nobody’s error, and is read again once it is back', async () => {
  await run(() => counters.set(6, 6));
  await rig.replica.kill();
  for (let turn = 0; turn < 20; turn += 1) expect((await rig.get(acme, 6)).body).toEqual({ value: 6 });
  const ready = await rig.app.call('/health/ready');
  expect([ready.status, ready.body.details.readReplicas]).toEqual([
    200,
    { status: 'degraded', serviceable: 0, total: 1 },
  ]);
  expect(ready.body.details.tenantDatabases.status).toBe('up');
  await rig.replica.startAgain();
  await untilReadFromReplica(acme);
});
