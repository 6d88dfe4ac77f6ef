import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { Column, Entity, PrimaryGeneratedColumn, type Repository } from 'typeorm';
import { createTenantTable, InjectTenantRepository, TenantryModule, TenantScoped } from '../../../src/index.js';
import { ADAPTERS, HostApplication } from '../../support/host/host-application.js';
import { migration } from '../../support/tables/migration-fixture.js';
import type { TestTenant } from '../../support/test-app.js';

@Entity('tasks')
class Task {
  @PrimaryGeneratedColumn('uuid') id: string;
  @Column('text') title: string;
}

const CREATE_TASKS = migration('CreateTasks1764200000000', (runner) =>
  createTenantTable(runner, 'tasks', {
    columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', title: 'text NOT NULL' },
  }),
);

@TenantScoped()
@Controller('tasks')
class TasksController {
  constructor(@InjectTenantRepository(Task) private readonly tasks: Repository<Task>) {}

  @Get()
  async list(): Promise<string[]> {
    await this.tasks.save({ title: 'one more' });
    return (await this.tasks.find()).map(({ title }) => title);
  }
}

/** A domain that only one of the two applications has. */
@Module({
  imports: [TenantryModule.forFeature({ entities: [Task], migrations: [CREATE_TASKS] })],
  controllers: [TasksController],
})
class TasksModule {}

const SETTINGS = Symbol('settings of the host');

/** Where a host keeps its settings. */
function settingsModule(env: Readonly<Record<string, string>>) {
  @Module({ providers: [{ provide: SETTINGS, useValue: { env } }], exports: [SETTINGS] })
  class SettingsModule {}
  return SettingsModule;
}

describe.each(ADAPTERS)('two applications in one process on %s', (adapter) => {
  let [notes, tasks]: (HostApplication | undefined)[] = [];
  let acme: TestTenant;
  let same: TestTenant;

  const get = (app: HostApplication | undefined, path: string, { apiKey }: TestTenant): Promise<Response> | undefined =>
    app?.fetch(path, { headers: { authorization: `Bearer ${apiKey}` } });

  beforeAll(async () => {
    notes = await HostApplication.start({ adapter });
    tasks = await HostApplication.start({
      adapter,
      imports: [TasksModule],
      root: (env) =>
        TenantryModule.forRootAsync({
          imports: [settingsModule(env)],
          inject: [SETTINGS],
          useFactory: (settings: { env: Readonly<Record<string, string>> }) => settings,
          controlPlane: true,
        }),
    });
    acme = await notes.provision('acme', 'row');
    same = await tasks.provision('acme', 'row');
  });

  afterAll(async () => {
    await tasks?.dispose();
  });

  it('have their own catalogs and tables', async () => {
    expect(await (await get(notes, '/notes', acme))?.json()).toEqual([]);
    expect(await (await get(tasks, '/tasks', same))?.json()).toEqual(['one more']);
    expect((await get(notes, '/notes', same))?.status).toBe(401);
    expect((await get(tasks, '/tasks', acme))?.status).toBe(401);
    expect(acme.schemaVersion).toMatch(/^CreateNotes/);
    expect(same.schemaVersion).toMatch(/^CreateTasks/);
  });

  it('do not end with each other', async () => {
    await notes?.dispose();
    expect((await get(tasks, '/tasks', same))?.status).toBe(200);
  });
});
