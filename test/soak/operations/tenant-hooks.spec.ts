import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { HookRecords } from '../../../src/admin/tenant-hooks/hook-records.js';
import { Seeds } from '../../../src/admin/tenant-hooks/seeds.js';
import { AttemptEndedError } from '../../../src/admin/tenant-hooks/tenant-hooks.errors.js';
import { TenantProvisioner } from '../../../src/index.js';
import { Mail, WelcomeModule } from '../../support/hooks/welcome.module.js';
import { Diary, DiaryModule, seedFailures } from '../../support/hooks/diary.module.js';
import { HostApplication } from '../../support/host/host-application.js';
import { soon } from '../../support/load/soon.js';
import { ADMIN_KEY, type Json } from '../../support/test-app.js';

let host: HostApplication;
let diary: Diary;

beforeAll(async () => {
  host = await HostApplication.start({ adapter: 'fastify', imports: [DiaryModule] });
  diary = host.nest.get(Diary, { strict: false });
});
afterAll(() => host?.dispose());

async function admin(method: string, path: string, body?: object): Promise<Json> {
  const response = await host.fetch(path.startsWith('/admin') ? path : `/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, ...(text === '' ? {} : { body: JSON.parse(text) }) };
}

async function ended(id: string): Promise<Json> {
  let operation: Json;
  await soon(async () => {
    operation = (await admin('GET', `/operations/${id}`)).body;
    expect(['succeeded', 'failed', 'cancelled']).toContain(operation.status);
  });
  return operation;
}

async function create(slug: string, isolation = 'row'): Promise<Json> {
  return ended((await admin('POST', '/tenants', { slug, isolation })).body.operation.id);
}

async function hooksOf(id: string): Promise<Json[]> {
  return (await admin('GET', `/operations/${id}/hooks`)).body.items;
}

async function notesOf(slug: string): Promise<string[]> {
  const { id, database, schema } = (await admin('GET', `/tenants/${slug}`)).body;
  const rows = await asSuperuser<{ text: string }>(
    database,
    `SELECT text FROM "${schema}".notes WHERE tenant_id = $1`,
    [id],
  );
  return rows.map(({ text }) => text).toSorted();
}

describe('a new tenant', () => {
  it.each(['row', 'schema', 'database'])('gets its seeds and its hooks, with %s isolation', async (isolation) => {
    const slug = `new-${isolation}`;
    const operation = await create(slug, isolation);
    expect(operation).toMatchObject({ status: 'succeeded', result: { hooks: { succeeded: 3, failed: 0 } } });
    expect(operation.steps.map(({ name }: Json) => name).slice(-4)).toEqual([
      ...['provisioned:seed', 'provisioned:first-note', 'activate', 'provisioned:Everything'],
    ]);
    expect(diary.of(slug)).toEqual([`provisioned ${slug} provisioning`, `welcomed ${slug} active`]);
    expect(await notesOf(slug)).toEqual([
      `first of ${slug}`,
      `second of ${slug}`,
      `seed of ${slug}, ${isolation}`,
      `third of ${slug}`,
    ]);
  });

  it('is not served while a required hook fails, which is called again with the same key', async () => {
    diary.failures.set('provisioned flaky', 1);
    diary.keys.length = 0;
    const { tenant, operation } = (await admin('POST', '/tenants', { slug: 'flaky', isolation: 'row' })).body;
    expect(await ended(operation.id)).toMatchObject({ status: 'succeeded', error: null });
    const attempt = 'provisioned flaky provisioning';
    expect(diary.of('flaky')).toEqual([attempt, attempt, 'welcomed flaky active']);
    expect(diary.keys.slice(0, 2)).toEqual([
      `${operation.id}/${tenant.id}/provisioned/first-note`,
      `${operation.id}/${tenant.id}/provisioned/first-note`,
    ]);
    expect(await hooksOf(operation.id)).toContainEqual(
      expect.objectContaining({ hook: 'first-note', status: 'succeeded', attempts: 2, error: null }),
    );
  });

  it('has its seeds once, although the first attempt failed after it had written', async () => {
    seedFailures.set('seeded', 1);
    expect(await create('seeded', 'schema')).toMatchObject({ status: 'succeeded' });
    expect((await notesOf('seeded')).filter((text) => text.startsWith('seed of'))).toHaveLength(1);
  });

  it('has its seeds once, although the process died between their commit and the record of it', async () => {
    const { id } = await create('crashed', 'schema');
    await host.database.admin(
      `UPDATE operation_hooks SET status = 'running' WHERE operation_id = $1 AND hook = 'seed'`,
      [id],
    );
    await host.database.admin(`UPDATE tenants SET status = 'provisioning' WHERE slug = 'crashed'`);
    await host.database.admin(
      `UPDATE operations SET status = 'pending', run_after = now(),
         finished_steps = ARRAY['choose-target', 'create-role', 'create-database', 'create-schema', 'migrate']
       WHERE id = $1`,
      [id],
    );
    expect(await ended(id)).toMatchObject({ status: 'succeeded' });
    expect((await hooksOf(id))[2]).toMatchObject({ hook: 'seed', attempts: 2, status: 'succeeded' });
    expect((await notesOf('crashed')).filter((text) => text.startsWith('seed of'))).toHaveLength(1);
  });

  it('has its seeds once, although an instance that was taken for dead goes on with them', async () => {
    const { id, tenantId } = await create('replaced', 'schema');
    await host.database.admin(`DELETE FROM operation_hooks WHERE operation_id = $1`, [id]);
    const [seeds, records] = [host.nest.get(Seeds, { strict: false }), host.nest.get(HookRecords, { strict: false })];
    const save = records.saveTransaction.bind(records);
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let late: Promise<void> | undefined;
    const spy = jest.spyOn(records, 'saveTransaction').mockImplementationOnce((...parameters) => {
      late = gate.then(() => save(...parameters));
      return late;
    });
    try {
      const lost = new AbortController();
      const first = seeds.attempt({ id, signal: lost.signal, delays: [] }, tenantId);
      await soon(async () => expect(late).toBeDefined());
      lost.abort(new Error('the lock is lost'));
      await expect(first).rejects.toThrow('the lock is lost');
      const second = seeds.attempt({ id, signal: new AbortController().signal, delays: [] }, tenantId);
      expect(await second).toEqual({ status: 'succeeded' });
      open();
      await expect(late).rejects.toThrow(AttemptEndedError);
      expect((await notesOf('replaced')).filter((text) => text.startsWith('seed of'))).toHaveLength(2); // with that of `create`
    } finally {
      open();
      spy.mockRestore();
    }
  });
});

describe('many new tenants', () => {
  it('get their seeds and hooks; one whose required hook fails is not served, and a retry serves it', async () => {
    diary.failures.set('provisioned many-2', 3);
    const tenants = ['row', 'row', 'schema', 'database'].map((isolation, n) => ({ slug: `many-${n + 1}`, isolation }));
    const { id } = (await admin('POST', '/tenants/bulk', { tenants })).body;
    expect(await ended(id)).toMatchObject({ status: 'failed', result: { provisioned: 3, failed: 1 } });
    const { items } = (await admin('GET', `/operations/${id}/tenants?status=failed`)).body;
    expect(items).toMatchObject([{ slug: 'many-2', error: { code: 'HOOK_FAILED' } }]);
    expect((await admin('GET', '/tenants/many-2')).body.status).toBe('failed');
    await admin('POST', `/operations/${id}/retry`);
    expect(await ended(id)).toMatchObject({ status: 'succeeded', result: { provisioned: 4 } });
    for (const { slug, isolation } of tenants) {
      expect(diary.of(slug)).toContain(`welcomed ${slug} active`);
      expect(await notesOf(slug)).toContain(`seed of ${slug}, ${isolation}`);
      expect((await notesOf(slug)).filter((text) => text.startsWith('seed of'))).toHaveLength(1);
    }
    expect(diary.of('many-1')).toHaveLength(2);
  });
});

describe('a hook that is not required', () => {
  it('is called three times in an operation over many tenants, which then goes on', async () => {
    diary.failures.set('welcomed optional', 3);
    const tenants = [{ slug: 'optional', isolation: 'row' }];
    const { id } = (await admin('POST', '/tenants/bulk', { tenants })).body;
    expect(await ended(id)).toMatchObject({ status: 'succeeded', result: { provisioned: 1, failed: 0 } });
    expect(await hooksOf(id)).toContainEqual(
      expect.objectContaining({ hook: 'Everything', status: 'failed', attempts: 3 }),
    );
  });

  it('does not keep a sign-up waiting while it is to be called again', async () => {
    diary.failures.set('welcomed impatient', 2);
    const provisioner = host.nest.get(TenantProvisioner, { strict: false });
    expect(await provisioner.provision({ slug: 'impatient', isolation: 'row' })).toMatchObject({ status: 'active' });
    const { items } = (await admin('GET', '/operations?tenant=impatient')).body;
    await ended(items[0].id);
    expect(diary.of('impatient').filter((entry) => entry.startsWith('welcomed'))).toHaveLength(3);
  });
});

describe('a suspension', () => {
  it('takes effect at once, and its hooks are called in the order of the changes', async () => {
    await create('paused');
    diary.failures.set('suspended(4) paused', 1);
    expect((await admin('POST', '/tenants/paused/suspend')).body.status).toBe('suspended');
    expect((await admin('POST', '/tenants/paused/resume')).body.status).toBe('active');
    await soon(async () => expect(diary.of('paused')).toContain('resumed paused active'));
    expect(
      diary
        .of('paused')
        .slice(2)
        .map((entry) => entry.split(' ')[0]),
    ).toEqual([...['suspended(4)', 'suspended(4)', 'resumed']]);
    const { items } = (await admin('GET', '/operations?tenant=paused')).body;
    expect(items.map(({ kind }: Json) => kind)).toEqual(['resumed-hooks', 'suspended-hooks', 'provision']);
  });
});

describe('a fleet migration', () => {
  it('calls the hooks of each tenant whose tables it has migrated, in its context', async () => {
    await create('behind', 'schema');
    await host.database.admin(`UPDATE tenants SET schema_version = 'Former1700000000000' WHERE slug = 'behind'`);
    const { id } = (await admin('POST', '/operations', { kind: 'migrate', tenants: ['behind'] })).body;
    expect(await ended(id)).toMatchObject({ status: 'succeeded' });
    expect(diary.of('behind')).toContain('migrated(4) behind active');
    expect(await hooksOf(id)).toMatchObject([{ event: 'migrated', hook: 'Everything', status: 'succeeded' }]);
  });
});

describe('the example of the guide', () => {
  it('sends a mail that counts the seeds, once', async () => {
    const other = await HostApplication.start({ adapter: 'express', imports: [WelcomeModule] });
    try {
      await other.nest.get(TenantProvisioner, { strict: false }).provision({ slug: 'guided', isolation: 'row' });
      const { sent } = other.nest.get(Mail, { strict: false });
      expect(sent.map(({ subject }) => subject)).toEqual(['guided has 2 notes to begin with']);
    } finally {
      await other.dispose();
    }
  });
});

describe('a deletion', () => {
  it('calls hooks while the data is there, and hooks when it is gone', async () => {
    await create('leaving', 'schema');
    const { id } = (await admin('DELETE', '/tenants/leaving?graceSeconds=0')).body;
    expect(await ended(id)).toMatchObject({ status: 'succeeded' });
    expect(diary.of('leaving').slice(2)).toEqual(['deleting(4) leaving deleting', 'deleted leaving deleting']);
  });
});

describe('an operation with hooks', () => {
  it('waits for an instance that has all of them', async () => {
    await create('waiting');
    const { id } = (await admin('DELETE', '/tenants/waiting?graceSeconds=1')).body;
    await host.database.admin(`UPDATE operations SET required_hooks = '{of-another-release}' WHERE id = $1`, [id]);
    await create('meanwhile');
    expect((await admin('GET', `/operations/${id}`)).body).toMatchObject({
      status: 'pending',
      requiredHooks: ['of-another-release'],
    });
    await admin('POST', `/operations/${id}/cancel`);
    expect((await admin('GET', '/tenants/waiting')).body.status).toBe('active');
  });
});
