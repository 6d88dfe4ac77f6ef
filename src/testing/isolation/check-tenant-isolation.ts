import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { EntityMetadata } from 'typeorm';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { poolOptions } from '../../database/pool/pool-options.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { TenantConnectionService } from '../../tenant/context/tenant-connection.service.js';
import { checkCursors } from './database/cursor-check.js';
import { checkDatabase, type DatabaseCheckOptions } from './database/database-check.js';
import { checkEntities } from './entities/entity-check.js';
import { checkViews } from './entities/view-check.js';
import type { Finding } from './finding.js';
import type { IsolationOptions, RowFactory } from './isolation-options.js';
import { checkRoutes } from './check-routes.js';
import type { TableFacts } from './tables/table-facts.js';
import { TestedRows } from './tables/tested-rows.js';
import { type TestedTenant, TestedTenants } from './tested-tenant.js';

/**
 * Looks for ways in which the application shows or changes one tenant's rows for another: in its database, through each
 * entity, and through each route. It makes two tenants with rows in all tables, under ids that collide, and deletes them
 * afterwards.
 *
 * @param app listens; otherwise it is made to, on a free port of 127.0.0.1
 */
export async function checkTenantIsolation(app: INestApplication, options: IsolationOptions = {}): Promise<Finding[]> {
  const url = await urlOf(app);
  const tenants = await TestedTenants.of(app);
  const { isolation = 'row' } = options;
  const tested: TestedTenant[] = [];
  try {
    const self = await tenants.create(isolation);
    tested.push(self);
    const other = await tenants.create(isolation);
    tested.push(other);
    return await new IsolationCheck(app, url, options, tenants, self, other).run();
  } finally {
    await Promise.all(tested.map((tenant) => tenants.delete(tenant)));
  }
}

class IsolationCheck {
  constructor(
    private readonly app: INestApplication,
    private readonly url: string,
    private readonly options: IsolationOptions,
    private readonly tenants: TestedTenants,
    private readonly self: TestedTenant,
    private readonly other: TestedTenant,
  ) {}

  async run(): Promise<Finding[]> {
    const { rows: factories = {}, classify: { tables: classified = {} } = {} } = this.options;
    const connections = this.app.get(TenantConnectionService, { strict: false });
    const dataSource = await connections.dataSource(this.self.tenant);
    const rows = await TestedRows.fill(
      this.app.get(AdminConnections, { strict: false }),
      [this.self, this.other],
      factoriesByTable(factories, dataSource.entityMetadatas),
      (table) => isLeftOut(table, classified),
    );
    const { findings, isRoleRefused } = await checkDatabase(this.self, rows.tables, {
      ...this.databaseOptions(),
      otherSchemas: await this.tenants.otherSchemas(this.self),
    });
    const { pool } = this.databaseOptions();
    // Under a refused role no statement runs.
    const entities = isRoleRefused
      ? []
      : [
          ...(await checkEntities(dataSource, rows, this.self, this.other)),
          ...(await checkViews(dataSource, rows, this.self, this.other, pool)),
          ...(await checkCursors(rows, this.self, this.other, pool)).filter((found) => !isNamed(found, findings)),
        ];
    const { app, url, options, tenants } = this;
    const routes = await checkRoutes(app, url, options, {
      tenants,
      rows,
      tested: [this.self, this.other],
      isRoleRefused,
    });
    return [...findings, ...rowProblems(rows), ...entities, ...routes];
  }

  private databaseOptions(): Omit<DatabaseCheckOptions, 'otherSchemas'> {
    const { trustedFunctions = [] } = this.app.get<TenantSchema>(TENANT_SCHEMA, { strict: false });
    return {
      pool: poolOptions(this.app.get<AppConfig>(APP_CONFIG, { strict: false })),
      trustedFunctions,
      classifyTables: this.options.classify?.tables ?? {},
    };
  }
}

function isLeftOut(
  { table, hasRowSecurity, isReference, isUsable }: TableFacts,
  classified: Readonly<Record<string, string>>,
): boolean {
  const isOfAll = classified[table] === 'shared' || classified[table] === 'public';
  return isOfAll || isReference || (!hasRowSecurity && !isUsable);
}

/** Factories are named by entity, with its properties, or by table, with its columns. */
function factoriesByTable(
  factories: Readonly<Record<string, RowFactory>>,
  entities: readonly EntityMetadata[],
): ReadonlyMap<string, RowFactory> {
  return new Map(
    Object.entries(factories).map(([name, factory]) => {
      const entity = entities.find((each) => each.name === name || each.tableName === name);
      if (!entity) return [name, factory];
      return [
        entity.tableName,
        (request) =>
          Object.fromEntries(
            Object.entries(factory(request)).map(([property, value]) => [
              entity.findColumnWithPropertyPath(property)?.databaseName ?? property,
              value,
            ]),
          ),
      ];
    }),
  );
}

function isNamed({ where }: Finding, findings: readonly Finding[]): boolean {
  return findings.some((each) => each.where === where);
}

function rowProblems(rows: TestedRows): Finding[] {
  return [...rows.problems].map(([table, problem]) => ({
    code: 'ROWS_NEEDED',
    where: `table ${table}`,
    message: `no row could be made (${problem}): give a factory in \`rows\``,
  }));
}

async function urlOf(app: INestApplication): Promise<string> {
  const server = app.getHttpServer() as { listening: boolean; address(): AddressInfo };
  if (!server.listening) await app.listen(0, '127.0.0.1');
  const { port, family, address } = server.address();
  const isAny = address === '::' || address === '0.0.0.0';
  const host = isAny ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}
