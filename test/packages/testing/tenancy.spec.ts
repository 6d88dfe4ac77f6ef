import { afterAll, afterEach, beforeAll, describe, it } from 'the-runner';
import assert from 'node:assert/strict';
import { type TestTenancy, startTestTenancy, withTenant } from 'tenantry/testing';
import { AppModule } from './app.module.js';
import { NotesController } from './notes.controller.js';

describe('the notes', () => {
  let tenancy: TestTenancy<'acme' | 'globex'>;

  beforeAll(async () => {
    tenancy = await startTestTenancy({
      module: AppModule,
      tenants: ['acme', { slug: 'globex', isolation: 'schema' }],
    });
  });
  afterEach(() => tenancy.reset());
  afterAll(() => tenancy.stop());

  it('are those of the key', async () => {
    const { acme, globex } = tenancy.tenants;
    const headers = { authorization: `Bearer ${acme.apiKey}`, 'content-type': 'application/json' };
    const added = await fetch(`${tenancy.url}/notes`, { method: 'POST', headers, body: '{"text":"of acme"}' });
    assert.equal(added.status, 201);
    const others = await fetch(`${tenancy.url}/notes`, { headers: { authorization: `Bearer ${globex.apiKey}` } });
    assert.equal(await others.text(), '{"tenant":"globex","notes":[]}');
  });

  it('are empty at the beginning of each test', async () => {
    const notes = tenancy.app.get(NotesController, { strict: false });
    assert.deepEqual(await withTenant(tenancy.app, 'acme', () => notes.list()), { tenant: 'acme', notes: [] });
  });

  it('belong to one more tenant that a test creates', async () => {
    const { slug } = await tenancy.createTenant('initech');
    const notes = tenancy.app.get(NotesController, { strict: false });
    await tenancy.withTenant(slug, () => notes.add({ text: 'of initech' }));
    const list = await tenancy.withTenant(slug, () => notes.list());
    assert.deepEqual(list, { tenant: 'initech', notes: ['of initech'] });
  });
});
