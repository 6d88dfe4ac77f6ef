import { describe, expect, it, jest } from '@jest/globals';
import { Module, type Type } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { DefaultNamingStrategy } from 'typeorm';
import { TenantryModule, type TenantryOptions } from '../../../src/index.js';
import { schemaOf, tenantSchemaOf } from '../../../src/tenantry/features.js';
import { migration } from '../../support/tables/migration-fixture.js';

class Note {}
class Task {}
const NOTES = migration('Notes1764000000001', 'SELECT 1');
const TASKS = migration('Tasks1764000000002', 'SELECT 1');
const TITLES = migration('Titles1764000000003', 'SELECT 1');

describe('the schema of all features', () => {
  it('has everything once, and migrations in the order of their timestamps', () => {
    const notes = { entities: [Note], migrations: [NOTES, TITLES], trustedFunctions: ['public.similarity'] };
    const tasks = { entities: [Task, Note], migrations: [TASKS], trustedFunctions: ['public.similarity'] };
    expect(schemaOf([notes, tasks])).toMatchObject({
      entities: [Note, Task],
      migrations: [NOTES, TASKS, TITLES],
      trustedFunctions: ['public.similarity'],
    });
  });

  it('requires what any feature requires, by default its newest migration', () => {
    const notes = { migrations: [NOTES, TITLES], requiredVersion: 'Notes1764000000001' };
    expect(schemaOf([{ migrations: [TASKS] }]).requiredVersion).toBeUndefined();
    expect(schemaOf([notes]).requiredVersion).toBe('Notes1764000000001');
    expect(schemaOf([notes, { migrations: [TASKS] }]).requiredVersion).toBe('Tasks1764000000002');
  });

  it('requires of each feature its own, so that none waits for a migration that it can do without', () => {
    const notes = { migrations: [NOTES, TITLES], requiredVersion: 'Notes1764000000001' };
    const later = migration('Later1764000000009', 'SELECT 1');
    expect(schemaOf([notes, { migrations: [TASKS, later] }]).requiredMigrations).toEqual([
      ...['Notes1764000000001', 'Tasks1764000000002', 'Later1764000000009'],
    ]);
  });

  it('refuses two migrations of one name', () => {
    const again = migration('Notes1764000000001', 'SELECT 2');
    expect(() => schemaOf([{ migrations: [NOTES] }, { migrations: [again] }])).toThrow(/Notes1764000000001/);
  });

  it('has the masks of each, and refuses two of one column', () => {
    const [email, name] = [(): string => '', (): null => null];
    const notes = { masks: { people: { email }, notes: { name } } };
    expect(schemaOf([notes, { masks: { people: { name } } }]).masks).toEqual({
      people: { email, name },
      notes: { name },
    });
    expect(() => schemaOf([notes, { masks: { people: { email: name } } }])).toThrow(
      expect.objectContaining({ code: 'DUPLICATE_MASK', message: expect.stringContaining('email of table people') }),
    );
  });

  it('fills a demo tenant with the rows of each', async () => {
    const seeds = [1, 2].map(() => jest.fn<(dataSource: DataSource) => Promise<void>>().mockResolvedValue(undefined));
    const dataSource = {} as DataSource;
    await schemaOf(seeds.map((seedDemo) => ({ seedDemo }))).seedDemo?.(dataSource);
    for (const seed of seeds) expect(seed).toHaveBeenCalledWith(dataSource);
  });
});

/** The schema as the command line reads it: without starting the application. */
async function schemaWith(options: TenantryOptions): Promise<ReturnType<typeof schemaOf>> {
  @Module({ imports: [TenantryModule.forRoot(options), TenantryModule.forFeature({ migrations: [NOTES] })] })
  class HostModule {}
  const preview = { preview: true, abortOnError: false, logger: false } as const;
  const application = await NestFactory.createApplicationContext(HostModule as Type, preview);
  return tenantSchemaOf(application.get(ModulesContainer));
}

describe('options of TypeORM', () => {
  it('are those of the root module, for the command line too: migrations that it runs give the same names', async () => {
    const namingStrategy = new DefaultNamingStrategy();
    expect((await schemaWith({ typeorm: { namingStrategy } })).typeorm).toEqual({ namingStrategy });
    expect((await schemaWith({})).typeorm).toBeUndefined();
  });
});
