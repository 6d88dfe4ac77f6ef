import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { openCatalog } from '../../../src/catalog/catalog-data-source.js';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { OperationEntity } from '../../../src/catalog/entities/operation.entity.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import { AuditLog } from '../../../src/catalog/audit/audit-log.js';
import type { OperationKind, OperationRun } from '../../../src/operations/operation-kind.js';
import { OperationKinds } from '../../../src/operations/operation-kinds.js';
import { OperationRunner } from '../../../src/operations/operation-runner.js';
import { Operations } from '../../../src/operations/operations.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import type { TenantSchema } from '../../../src/database/table-migrations/tenant-schema/tenant-schema.js';
import { createTestDatabase, type TestDatabase } from '../postgres/postgres.js';
import { POOL_OPTIONS } from '../pool/test-pool.js';

Logger.overrideLogger(false);

export const ACTOR = { name: 'a test' };

type Step = (run: OperationRun<object>) => Promise<void>;
type TestKind = OperationKind<object>;

/** An operation kind of a test. */
export function kindOf(steps: Readonly<Record<string, Step>>, more: Partial<TestKind> = {}): TestKind {
  const list = Object.entries(steps).map(([name, run]) => ({ name, run }));
  return { name: 'test', input: z.object({}), steps: list, ...more };
}

function kinds(kind: TestKind): OperationKinds {
  const known = new OperationKinds();
  known.register(kind as OperationKind);
  return known;
}

/** A catalog with instances that know only the test's kinds. */
export class OperationsRig {
  private readonly instances: { catalog: DataSource; runner: OperationRunner }[] = [];

  private constructor(readonly database: TestDatabase) {}

  static async start(): Promise<OperationsRig> {
    return new OperationsRig(await createTestDatabase('catalog'));
  }

  /** One instance; it picks up work by itself only after `runner.start()`. */
  async instance(
    kind: TestKind,
    migrations: TenantSchema['migrations'] = [],
  ): Promise<{ operations: Operations; runner: OperationRunner }> {
    const target = targetOfUrl(this.database.url, DEFAULT_SERVER);
    const catalog = await openCatalog(target, POOL_OPTIONS);
    const config = { pool: { ...POOL_OPTIONS, enabled: true, serverMaxConnections: 30 } } as unknown as AppConfig;
    const runner = new OperationRunner(config, catalog, target, kinds(kind), { entities: [], migrations });
    this.instances.push({ catalog, runner });
    return { operations: new Operations(catalog, kinds(kind), new AuditLog()), runner };
  }

  /** Creates an operation of the kind. */
  ask(
    kind: TestKind,
    subject = 'something',
    requiredCode = 0,
    requiredMigrations?: string[],
  ): Promise<OperationEntity> {
    const { catalog } = this.first();
    const operations = new Operations(catalog, kinds(kind), new AuditLog());
    return catalog.transaction((manager) =>
      operations.create(
        manager,
        { kind, input: {}, tenantId: null, subject, requiredCode, ...(requiredMigrations && { requiredMigrations }) },
        ACTOR,
      ),
    );
  }

  read(id: string): Promise<OperationEntity> {
    return this.first().catalog.getRepository(OperationEntity).findOneByOrFail({ id });
  }

  async close(): Promise<void> {
    for (const { catalog, runner } of this.instances) {
      await runner.pause();
      await catalog.destroy();
    }
    await this.database.drop();
  }

  private first(): { catalog: DataSource } {
    const [instance] = this.instances;
    if (!instance) throw new Error('create an instance first');
    return instance;
  }
}
