import { Test, type TestingModule } from '@nestjs/testing';
import { NoTenantContextError, TenantConnectionService } from 'tenantry';
import { AppModule } from './app.module.js';
import { NotesController } from './notes.controller.js';

describe('the notes', () => {
  let app: TestingModule;

  beforeAll(async () => {
    app = await Test.createTestingModule({ imports: [AppModule] }).compile();
    await app.init();
  });
  afterAll(() => app.close());

  it('are those of the tenant whose work runs', async () => {
    const notes = app.get(NotesController, { strict: false });
    const tenants = app.get(TenantConnectionService, { strict: false });
    for (const slug of ['row', 'schema', 'database']) {
      const list = await tenants.run(slug, () => notes.list());
      expect(list).toEqual({ tenant: slug, notes: [`of ${slug}`] });
    }
  });

  it('belong to no tenant outside a context', async () => {
    const notes = app.get(NotesController, { strict: false });
    await expect(notes.list()).rejects.toThrow(NoTenantContextError);
  });
});
