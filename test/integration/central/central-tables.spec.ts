import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Entity, type EntityManager, PrimaryColumn } from 'typeorm';
import { type Isolation, TenantConnectionService, TenantryModule } from '../../../src/index.js';
import { Accounts, AccountsModule, User } from '../../support/host/accounts.module.js';
import { HostApplication, type HostOptions } from '../../support/host/host-application.js';
import { Note } from '../../support/host/notes.module.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { dropEverything } from '../../support/test-app.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

const ISOLATIONS: readonly Isolation[] = ['row', 'schema', 'database'];
const OPTIONS: HostOptions = { adapter: 'fastify', tenantry: { controlPlane: true }, imports: [AccountsModule] };
const CONNECTIONS = `SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND ${isNamedFor('central')}`;

describe('central tables', () => {
  let app: HostApplication;
  let users: Accounts['users'];
  let connections: TenantConnectionService;

  beforeAll(async () => {
    const database = await createTestDatabase('catalog');
    // Several instances start at the same time: one migrates, the others wait for it.
    const [first, second] = await Promise.all([0, 1].map(() => HostApplication.start({ ...OPTIONS, database })));
    await second!.stop();
    app = first!;
    for (const isolation of ISOLATIONS) await app.provision(isolation, isolation);
    users = app.nest.get(Accounts, { strict: false }).users;
    connections = app.nest.get(TenantConnectionService);
    await users.insert({ id: 1, email: 'ada@example.com' });
  }, 60_000);

  afterAll(async () => {
    await app?.stop();
    expect(await app.database.admin(CONNECTIONS)).toEqual([]);
    await dropEverything(app.database);
  });

  it.each(ISOLATIONS)('have the same rows within the context of a tenant (%s) as without one', async (slug) => {
    const outside = await users.findOneByOrFail({ id: 1 });
    const inside = await connections.run(slug, async () => {
      await users.update({ id: 1 }, { email: `${slug}@example.com` });
      return users.findOneByOrFail({ id: 1 });
    });
    expect(inside.email).toBe(`${slug}@example.com`);
    expect(await users.findOneByOrFail({ id: 1 })).toEqual(inside);
    await users.save(outside);
  });

  it("are reached without a tenant's stamp, and with their own schema as the only search path", async () => {
    const ask = `SELECT coalesce(current_setting('app.tenant_id', true), '') AS stamp, current_schemas(false) AS path`;
    for (const slug of ISOLATIONS) {
      const read = () => users.query<unknown>(ask);
      expect(await connections.run(slug, read)).toEqual([{ stamp: '', path: '{central}' }]);
    }
  });

  it('have transactions of their own, which a transaction of a tenant does not take part in', async () => {
    const failed = connections.run('row', () =>
      connections.transaction(async (manager) => {
        await manager.insert(Note, { text: 'not kept' });
        await users.insert({ id: 2, email: 'grace@example.com' });
        throw new Error('no');
      }),
    );
    await expect(failed).rejects.toThrow('no');
    expect(await users.countBy({ id: 2 })).toBe(1);
    const central = users.manager.transaction(async (manager) => {
      await manager.delete(User, { id: 2 });
      throw new Error('neither');
    });
    await expect(central).rejects.toThrow('neither');
    expect(await users.countBy({ id: 2 })).toBe(1);
  });

  const reads: [name: string, read: (manager: EntityManager, entity: typeof User | typeof Note) => unknown][] = [
    ['find', (manager, entity) => manager.find(entity)],
    ['a repository', (manager, entity) => manager.getRepository<User | Note>(entity).find()],
    ['a query builder', (manager, entity) => manager.createQueryBuilder<User | Note>(entity, 'each').getMany()],
    ['from', (manager, entity) => manager.createQueryBuilder().select('each').from(entity, 'each').getRawMany()],
    ['save', (manager, entity) => manager.save(Object.assign(new entity(), { id: 3 }))],
    ['delete', (manager, entity) => manager.delete(entity, { id: 1 })],
  ];

  it.each(reads)("cannot be reached with a tenant's manager, which says so: %s", async (_name, read) => {
    const work = () => connections.transaction(async (manager) => read(manager, User));
    await expect(connections.run('row', work)).rejects.toThrow(
      /^User is a central entity.*@InjectCentralRepository\(User\)/,
    );
  });

  it.each(reads)('do not reach those of tenants, which the error says: %s', async (_name, read) => {
    const work = () => users.manager.transaction(async (manager) => read(manager, Note));
    await expect(connections.run('row', work)).rejects.toThrow(
      /^Note is an entity of tenants.*@InjectTenantRepository\(Note\)/,
    );
  });

  it('are out of reach for login roles of tenants', async () => {
    const roles = await app.database.admin(
      `SELECT DISTINCT role, has_schema_privilege(role, 'central', 'USAGE') AS usage,
         has_table_privilege(role, 'central.users', 'SELECT, INSERT, UPDATE, DELETE') AS any
       FROM connection_targets`,
    );
    expect(roles.length).toBeGreaterThan(1);
    for (const role of roles) expect(role).toMatchObject({ usage: false, any: false });
    for (const slug of ISOLATIONS) {
      const read = () => connections.transaction((manager) => manager.query('SELECT * FROM central.users'));
      await expect(connections.run(slug, read)).rejects.toThrow(/central/);
    }
  });
});

describe('an application', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase('catalog');
  });

  afterAll(() => dropEverything(database));

  it('without central tables opens nothing for them', async () => {
    const app = await HostApplication.start({ ...OPTIONS, imports: [], database });
    try {
      expect(await database.admin(CONNECTIONS)).toEqual([]);
      expect(await database.admin(`SELECT FROM pg_namespace WHERE nspname = 'central'`)).toEqual([]);
    } finally {
      await app.stop();
    }
  });

  it('with reference tables is told that these are in the databases of tenants', async () => {
    class Country {}
    Entity('countries')(Country);
    PrimaryColumn('text')(Country.prototype, 'code');
    const countries = TenantryModule.forFeature({ referenceEntities: [Country] });
    const app = await HostApplication.start({ ...OPTIONS, imports: [AccountsModule, countries], database });
    try {
      const { manager } = app.nest.get(Accounts, { strict: false }).users;
      await expect(manager.find(Country)).rejects.toThrow(/^Country is an entity of tenants/);
    } finally {
      await app.stop();
    }
  });

  it('does not start with central tables in the schema of the catalog', async () => {
    const start = HostApplication.start({ ...OPTIONS, database, env: { CENTRAL_SCHEMA: 'tenantry' } });
    await expect(start).rejects.toMatchObject({ code: 'CENTRAL_SCHEMA_INVALID' });
  });

  it('does not start with an entity that would be central and of tenants', async () => {
    const imports = [AccountsModule, TenantryModule.forFeature({ entities: [User] })];
    const start = HostApplication.start({ ...OPTIONS, imports, database });
    await expect(start).rejects.toMatchObject({ code: 'MIXED_TABLES' });
  });
});
