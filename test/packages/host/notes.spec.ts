import { Test } from '@nestjs/testing';
import { TenantConnectionService, TenantContext, tenantRepositoryToken } from 'tenantry';
import { Note } from './note.entity.js';
import { NotesController } from './notes.controller.js';

describe('the notes', () => {
  it('are listed by the controller, over a repository of the test', async () => {
    const module = await Test.createTestingModule({
      controllers: [NotesController],
      providers: [
        { provide: tenantRepositoryToken(Note), useValue: { find: async () => [{ text: 'first' }] } },
        { provide: TenantConnectionService, useValue: {} },
        { provide: TenantContext, useValue: { current: () => ({ tenant: { slug: 'acme' } }) } },
      ],
    }).compile();

    expect(await module.get(NotesController).list()).toEqual({ tenant: 'acme', notes: ['first'] });
  });

  it('belong to no tenant outside a context', () => {
    expect(() => new TenantContext().current()).toThrow('no tenant');
  });
});
