import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { MAX_FOLLOWERS } from '../../../src/admin/operations/operation-events.js';
import { OperationRecords } from '../../../src/admin/operations/operation-records.js';
import { soon } from '../../support/load/soon.js';
import { type Json, TestApp } from '../../support/test-app.js';
import { AdminClient, type Follower } from '../../support/admin/admin-client.js';

let app: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
});

afterAll(async () => app.dispose());

/** Inserts an operation that no worker here handles. */
async function insert(values: Record<string, unknown> = {}): Promise<string> {
  const id = randomUUID();
  const row = { id, kind: 'foreign', subject: id, steps: ['one', 'two'], created_by: 'test', ...values };
  const columns = Object.keys(row);
  await app.database.admin(
    `INSERT INTO operations (${columns.join(', ')}) VALUES (${columns.map((_, n) => `$${n + 1}`).join(', ')})`,
    Object.values(row),
  );
  return id;
}

async function update(id: string, set: string): Promise<void> {
  await app.database.admin(`UPDATE operations SET ${set} WHERE id = $1`, [id]);
}

describe('operations in the admin API', () => {
  it('are listed newest first, page by page, even within one millisecond', async () => {
    const ids = new Set<string>();
    for (let n = 0; n < 7; n += 1) ids.add(await insert({ kind: 'paged', created_at: `2026-01-01T00:00:0${n >> 1}Z` }));
    const seen: Json[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await admin.get(`/operations?kind=paged&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...body.items);
      cursor = body.nextCursor;
    }
    expect(new Set(seen.map(({ id }) => id))).toEqual(ids);
    expect(seen).toHaveLength(7);
    const times = seen.map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  it('are found by status, kind and tenant slug or id, even after the tenant was deleted', async () => {
    const tenantId = randomUUID();
    const id = await insert({ kind: 'sought', status: 'cancelled', tenant_id: tenantId, subject: 'gone' });
    await insert({ kind: 'sought', status: 'failed', subject: 'gone' });
    for (const query of ['kind=sought&status=cancelled', 'tenant=gone', `tenant=${tenantId}`]) {
      const { body } = await admin.get(`/operations?${query}`);
      expect([query, body.items.map((item: Json) => item.id)]).toEqual([query, [id]]);
    }
    expect((await admin.get('/operations?tenant=nobody')).body.items).toEqual([]);
  });

  it('that delete a tenant end with a report of what was removed and what remains, without its name', async () => {
    const { id, apiKey } = await app.provision('gone-for-good', 'row');
    await admin.send('PATCH', '/tenants/gone-for-good', { body: { domains: ['shop.gone-for-good.example'] } });
    for (const name of ['a', 'b', 'c']) {
      const body = { name, email: `${name}@example.com` };
      expect((await app.call('/api/v1/customers', { method: 'POST', apiKey, body })).status).toBe(201);
    }
    const requested = await admin.send('DELETE', '/tenants/gone-for-good?graceSeconds=0');
    const report = `${requested.headers.get('location')}/erasure-report`;
    expect((await admin.get(report)).body.code).toBe('CONFLICT');
    const { result } = await admin.ended(requested.headers.get('location'));
    expect(result.data).toMatchObject({ removed: 'rows', server: 'default', schema: 'shared' });
    expect(result.data.tables).toContainEqual({ table: 'customers', rows: 3, isEstimated: false });
    expect(result.cache.redis).toBe('unused');
    expect(result.records).toMatchObject({ domains: 1, apiKeys: 1, storedAnswers: 0 });
    const { text, status, headers } = await admin.get(report);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/markdown; charset=utf-8']);
    expect(text).toContain(`# Erasure of deleted-${id.slice(0, 8)}`);
    expect(text).toContain(`| customers | 3 |`);
    expect(text).toMatch(/^- \d entries of the audit log: .* \(catalog, under the pseudonym\)$/m);
    expect(text).not.toMatch(/gone-for-good|undefined|null/);
    expect((await admin.get(`/operations/${id}/erasure-report`)).body.code).toBe('NOT_FOUND');
  });

  it('show their steps and progress, but neither input nor state', async () => {
    const hidden = { input: { hunter: 'hunter2' }, state: { sealed: 'hunter3' } };
    const id = await insert({ ...hidden, status: 'running', finished_steps: ['one'], step: 'two', done: 3, total: 9 });
    const running = await admin.get(`/operations/${id}`);
    expect(running.body).toMatchObject({
      steps: [
        { name: 'one', status: 'finished' },
        { name: 'two', status: 'running' },
      ],
      progress: { done: 3, total: 9 },
    });
    expect(running.text).not.toContain('hunter');
    await update(id, `status = 'failed', error = '{"code": "CONFLICT", "message": "why"}', done = NULL, total = NULL`);
    expect((await admin.get(`/operations/${id}`)).body).toMatchObject({
      steps: [{ status: 'finished' }, { status: 'failed' }],
      ...{ progress: null, error: { code: 'CONFLICT', message: 'why' } },
    });
  });

  it('list their result for each tenant', async () => {
    const id = await insert();
    for (const status of ['failed', 'succeeded', 'succeeded']) {
      await app.database.admin(
        `INSERT INTO operation_tenants (operation_id, tenant_id, slug, status, error, from_version, to_version, duration_ms)
         VALUES ($1, $2, 'acme', $3, $4, 'a', 'b', 12)`,
        [id, randomUUID(), status, status === 'failed' ? { code: 'X', message: 'why' } : null],
      );
    }
    const first = (await admin.get(`/operations/${id}/tenants?limit=2`)).body;
    const second = (await admin.get(`/operations/${id}/tenants?limit=2&cursor=${first.nextCursor}`)).body;
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 1, null]);
    const { items } = (await admin.get(`/operations/${id}/tenants?status=failed`)).body;
    expect(items).toEqual([
      {
        ...{ tenantId: expect.any(String), slug: 'acme', status: 'failed', error: { code: 'X', message: 'why' } },
        ...{ fromVersion: 'a', toVersion: 'b', durationMs: 12, finishedAt: expect.any(String) },
      },
    ]);
    expect((await admin.get(`/operations/${randomUUID()}/tenants`)).status).toBe(404);
  });

  it('can be cancelled and retried, which the audit log records', async () => {
    const id = await insert({ run_after: '2100-01-01' });
    expect(await admin.send('POST', `/operations/${id}/cancel`)).toMatchObject({
      status: 202,
      body: { status: 'cancelled' },
    });
    expect((await admin.send('POST', `/operations/${id}/cancel`)).body.code).toBe('CONFLICT');
    expect(await admin.send('POST', `/operations/${id}/retry`)).toMatchObject({
      status: 202,
      body: { status: 'pending' },
    });
    expect((await admin.send('POST', `/operations/${id}/retry`)).body.code).toBe('CONFLICT');
    const { items } = (await admin.get(`/audit?subject=${id}`)).body;
    expect(items.map(({ action, actor, before, after }: Json) => [action, actor, before.status, after.status])).toEqual(
      [
        ['operation.retry', 'admin key', 'cancelled', 'pending'],
        ['operation.cancel', 'admin key', 'pending', 'cancelled'],
      ],
    );
  });

  it('can be created by their kind, which the audit log records', async () => {
    const created = await admin.send('POST', '/operations', { body: { kind: 'reseal' } });
    expect(created).toMatchObject({ status: 202, body: { kind: 'reseal', createdBy: 'admin key' } });
    expect(await admin.ended(created.headers.get('location'))).toMatchObject({ status: 'succeeded' });
    const { items } = (await admin.get(`/audit?subject=${created.body.id}&action=operation.create`)).body;
    expect(items).toMatchObject([{ actor: 'admin key', before: null, after: { kind: 'reseal' } }]);
    for (const kind of ['provision', 'delete', 'nothing', '']) {
      const rejected = await admin.send('POST', '/operations', { body: { kind } });
      expect([kind, rejected.status, rejected.body.errors?.[0].field]).toEqual([kind, 400, 'kind']);
    }
  });
});

describe('followers of an operation', () => {
  const followers: Follower[] = [];
  const follow = async (id: string, client = admin): Promise<Follower> => {
    const follower = await client.follow(`/operations/${id}/events`);
    followers.push(follower);
    return follower;
  };

  afterEach(() => {
    for (const follower of followers.splice(0)) follower.leave();
  });

  async function changeTwice(id: string, all: readonly Follower[]): Promise<void> {
    for (const attempts of [1, 2]) {
      await soon(async () => expect(all.map(({ events }) => events.length)).toEqual(all.map(() => attempts)));
      await update(id, `attempts = ${attempts}`);
    }
    await soon(async () => expect(all.map(({ events }) => events.length)).toEqual(all.map(() => 3)));
  }

  it('receive its state at once and at every change, until it has ended', async () => {
    const id = await insert();
    const early = await follow(id);
    await soon(async () => expect(early.events).toHaveLength(1));
    await update(id, "status = 'running', step = 'one'");
    await soon(async () => expect(early.events).toHaveLength(2));
    const late = await follow(id);
    await soon(async () => expect(late.events).toHaveLength(1));
    await update(id, "status = 'succeeded', step = NULL, finished_steps = steps");
    await Promise.all([early.ended(), late.ended()]);
    expect(early.events.map(({ event, data }) => [event, data.status])).toEqual([
      ['operation', 'pending'],
      ['operation', 'running'],
      ['operation', 'succeeded'],
    ]);
    expect(late.events).toEqual(early.events.slice(1));
    expect(new Set(early.events.map((event) => event.id)).size).toBe(3);

    const after = await follow(id);
    await after.ended();
    expect(after.events).toEqual(early.events.slice(2));
  });

  it('share one poll of its row, which stops when the last follower has gone', async () => {
    const read = jest.spyOn(app.application.nest.get(OperationRecords), 'read');
    const pollsOf = (id: string): number => read.mock.calls.filter(([readId]) => readId === id).length;
    const [id, another, third] = [await insert(), await insert(), await insert()];
    const all = await Promise.all(Array.from({ length: 10 }, () => follow(id)));
    await changeTwice(id, all);
    const polls = pollsOf(id);
    expect(polls).toBeLessThan(10 + 10); // each follower reads it once to see whether it exists
    for (const follower of all) follower.leave();
    await changeTwice(another, [await follow(another)]); // by then their departure has been noticed
    const since = pollsOf(id);
    await changeTwice(third, [await follow(third)]);
    expect(pollsOf(third)).toBeGreaterThan(2);
    expect(pollsOf(id)).toBe(since);
    read.mockRestore();
  });

  it('are limited in number; the next one is rejected with Retry-After', async () => {
    const id = await insert();
    await Promise.all(Array.from({ length: MAX_FOLLOWERS }, () => follow(id)));
    const rejected = await admin.get(`/operations/${id}/events`);
    expect([rejected.status, rejected.body.code, rejected.headers.has('retry-after')]).toEqual([
      429,
      'TOO_MANY_FOLLOWERS',
      true,
    ]);
    followers[0]?.leave();
    await soon(async () => expect((await follow(id)).response.statusCode).toBe(200));
  });

  it('do not delay the shutdown of an instance, which ends their streams', async () => {
    const leaving = await TestApp.over(app.database);
    const id = await insert();
    const follower = await follow(id, new AdminClient(leaving));
    await soon(async () => expect(follower.events).toHaveLength(1));
    await Promise.all([leaving.stop(), follower.ended()]);
    expect(follower.response.complete).toBe(true); // had the instance waited for it, it would have been cut
  });
});
