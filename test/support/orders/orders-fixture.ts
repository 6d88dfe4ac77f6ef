import { randomUUID } from 'node:crypto';
import { DataSource, type MigrationInterface, type QueryRunner, type Repository } from 'typeorm';
import type { Tenant } from '../../../src/catalog/model/tenant.js';
import { runBatch } from '../../../src/database/batches/run-batch.js';
import { toConstraintViolation } from '../../../src/database/data-source/constraint-violation.js';
import { createTenantDataSource } from '../../../src/database/data-source/tenant-data-source.js';
import { TemplateDataSource } from '../../../src/database/data-source/template-data-source.js';
import type { ConnectionPool } from '../../../src/database/pool/connection-pool.js';
import { accessTo, TestPool } from '../pool/test-pool.js';
import { createStamp } from '../../../src/database/statements/stamps/stamp.js';
import type { ConstraintViolationError } from '../../../src/platform/errors/request.errors.js';
import { Customer } from '../../../src/app/customers/customer.entity.js';
import { CustomersService } from '../../../src/app/customers/customers.service.js';
import { sampleSchema } from '../sample-schema.js';
import { Order } from '../../../src/app/orders/order.entity.js';
import { MAX_LINES } from '../../../src/app/orders/amounts.js';
import { OrdersService } from '../../../src/app/orders/orders.service.js';
import type { TenantConnectionService } from '../../../src/tenant/context/tenant-connection.service.js';
import { newTenantContext } from '../tenant-context.js';
import { createTenantRepository } from '../../../src/tenant/context/tenant-repository.js';
import { createTenantDatabase, type TenantDatabase } from '../postgres/tenant-database.js';

const POOL = { size: 3, maxOverflow: 0, recycleSeconds: 600, timeoutMs: 5_000, connectTimeoutMs: 5_000 };

/** The sample domain's services over a real database, for tenants that share its tables. */
export class OrdersFixture {
  readonly customers: CustomersService;
  readonly orders: OrdersService;
  private readonly context = newTenantContext();
  private acquired = 0;

  private constructor(
    readonly database: TenantDatabase,
    private readonly template: TemplateDataSource,
    private readonly pool: TestPool,
  ) {
    const repository = (entity: typeof Customer | typeof Order): unknown =>
      createTenantRepository(entity, false, this.context);
    const connections: Pick<TenantConnectionService, 'batch' | 'transaction'> = {
      batch: (work) => runBatch(this.context.current().dataSource, work),
      transaction: (work) => this.context.current().dataSource.transaction(work),
    };
    this.customers = new CustomersService(repository(Customer) as Repository<Customer>);
    const orders = repository(Order) as Repository<Order>;
    this.orders = new OrdersService(orders, connections as TenantConnectionService, this.context);
  }

  static async create(): Promise<OrdersFixture> {
    const database = await createTenantDatabase();
    await migrate(database, sampleSchema.migrations);
    const template = await TemplateDataSource.build(sampleSchema);
    return new OrdersFixture(database, template, new TestPool(database.target, { ...POOL, statementTimeoutMs: 5_000 }));
  }

  /** The data source of a new tenant; counts statements outside transactions, and transactions. */
  dataSource(tenantId: string = randomUUID()): DataSource {
    const counted = Object.assign(Object.create(this.pool) as ConnectionPool, {
      acquire: () => {
        this.acquired += 1;
        return this.pool.acquire();
      },
      tryAcquire: () => undefined,
    });
    // `EXPLAIN` is admitted, as in development.
    return createTenantDataSource(this.template, accessTo(counted, createStamp(tenantId, 'app'), true), 'app');
  }

  as<T>(dataSource: DataSource, work: () => Promise<T>): Promise<T> {
    const settings = { maxOrderLines: MAX_LINES };
    return this.context.run({ tenant: {} as Tenant, dataSource, settings }, work);
  }

  async statementsOf(work: () => Promise<unknown>): Promise<number> {
    const before = this.acquired;
    await work();
    return this.acquired - before;
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.database.drop();
  }
}

/** Runs migrations in a schema, and lets the application's role use the tables. */
export async function migrate(
  database: TenantDatabase,
  migrations: readonly (new () => MigrationInterface)[],
  schema = 'app',
): Promise<void> {
  await database.define(schema, '');
  await asOwner(
    database,
    async (runner) => {
      for (const Migration of migrations) await new Migration().up(runner);
    },
    schema,
  );
  await database.define(schema, '');
}

/** Runs `work` as the tables' owner, with `search_path` on the schema. */
export async function asOwner(
  { url }: TenantDatabase,
  work: (runner: QueryRunner) => Promise<void>,
  schema = 'app',
): Promise<void> {
  const extra = { options: `-c search_path=${schema}` };
  const owner = new DataSource({ type: 'postgres', url, installExtensions: false, extra });
  await owner.initialize();
  try {
    const runner = owner.createQueryRunner();
    try {
      await work(runner);
    } finally {
      await runner.release();
    }
  } finally {
    await owner.destroy();
  }
}

/** What the caller is told of a statement that must have violated a constraint. */
export async function violationOf(statement: Promise<unknown>): Promise<ConstraintViolationError> {
  const violation = await toConstraintViolation(
    await statement.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  if (!violation) throw new Error('no constraint was violated');
  return violation;
}
