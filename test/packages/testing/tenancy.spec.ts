import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'the-runner';
import { type TestTenancy, startTestTenancy, withTenant } from 'tenantry/testing';
import { AppModule } from './app.module.js';
import { createAdapter } from './adapter.js';
import { NotesController } from './notes.controller.js';

/** Two files of this text run in one run: they have the same slugs, and each has its own tenants. */
describe('the notes', () => {
  let tenancy: TestTenancy<'acme' | 'globex'>;

  beforeAll(async () => {
    tenancy = await startTestTenancy({
      module: AppModule,
      adapter: createAdapter(),
      tenants: ['acme', { slug: 'globex', isolation: 'schema' }],
    });
    console.log(`server ${new URL(process.env['DATABASE_URL']!).port}`);
  });
  afterAll(() => tenancy.stop());

  it('are those of the key', async () => {
    const { acme, globex } = tenancy.tenants;
    const headers = { authorization: `Bearer ${acme.apiKey}`, 'content-type': 'application/json' };
    const added = await fetch(`${tenancy.url}/notes`, { method: 'POST', headers, body: '{"text":"of acme"}' });
    assert.equal(added.status, 201);
    const others = await fetch(`${tenancy.url}/notes`, { headers: { authorization: `Bearer ${globex.apiKey}` } });
    assert.equal(await others.text(), '{"tenant":"globex","notes":[]}');
    assert.equal((await fetch(`${tenancy.url}/notes`)).status, 401);
  });

  it('are gone after a reset, and the tenants are the same', async () => {
    const notes = tenancy.app.get(NotesController, { strict: false });
    const before = tenancy.tenants;
    await withTenant(tenancy.app, 'globex', () => notes.add({ text: 'of globex' }));
    await tenancy.reset();
    assert.deepEqual(tenancy.tenants, before);
    assert.deepEqual(await withTenant(tenancy.app, 'globex', () => notes.list()), { tenant: 'globex', notes: [] });
  });

  it('belong to one more tenant that a test creates', async () => {
    const { slug } = await tenancy.createTenant('initech');
    const notes = tenancy.app.get(NotesController, { strict: false });
    await tenancy.withTenant(slug, () => notes.add({ text: 'of initech' }));
    assert.deepEqual(await tenancy.withTenant('initech', () => notes.list()), {
      tenant: 'initech',
      notes: ['of initech'],
    });
  });
});
