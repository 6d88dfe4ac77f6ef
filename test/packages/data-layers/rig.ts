import { TenantLifecycle } from '../../../src/admin/tenants/tenant-lifecycle.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { type Isolation, TenantConnectionService, TenantContext, TenantPool } from '../../../src/index.js';
import { HostApplication } from '../../support/host/host-application.js';
import { soon } from '../../support/load/soon.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { createTestDatabase } from '../../support/postgres/postgres.js';
import type { DataLayer } from './layer.js';
import { drizzleLayer } from './layers/drizzle.js';
import { kyselyLayer } from './layers/kysely.js';
import { plainLayer } from './layers/plain.js';
import { KYSELY, kyselyProvider } from './layers/provider.js';
import { prismaLayer } from './layers/prisma.js';
import { memosFeature, typeormLayer } from './layers/typeorm.js';

export const LAYERS = ['TypeORM', 'plain SQL', 'Kysely', 'Drizzle', 'Prisma'] as const;
export type LayerName = (typeof LAYERS)[number];
export const PLACES = ['direct', 'behind PgBouncer'] as const;
export const ISOLATIONS: readonly Isolation[] = ['row', 'schema', 'database'];
export const OTHERS: Readonly<Record<Isolation, string>> = {
  row: 'other-row',
  schema: 'other-schema',
  database: 'other-database',
};
/** Two tenants of each isolation, and one to be suspended. */
const TENANTS = ISOLATIONS.flatMap((isolation) => [
  [isolation, isolation],
  [OTHERS[isolation], isolation],
]) as [string, Isolation][];
export const SUSPENDED = 'suspended';
export const MAX_QUEUED = 30;

/** One application with every data layer, each created once. */
export class DataLayers {
  private constructor(
    private readonly host: HostApplication,
    private readonly layers: Readonly<Record<LayerName, DataLayer>>,
    private readonly pooler: PgBouncer | undefined,
    readonly pool: TenantPool,
  ) {}

  static async start(place: (typeof PLACES)[number]): Promise<DataLayers> {
    const database = await createTestDatabase('catalog');
    const pooler = place === 'direct' ? undefined : await PgBouncer.start({ poolSize: 5 });
    const host = await HostApplication.start({
      ...{ adapter: 'express', database, imports: [memosFeature], providers: [kyselyProvider] },
      env: { TENANT_MAX_CONCURRENT: '2', TENANT_MAX_QUEUED: String(MAX_QUEUED), ...pooler?.environment(database) },
    });
    for (const [slug, isolation] of [...TENANTS, [SUSPENDED, 'row'] as const]) await host.provision(slug, isolation);
    const pool = host.nest.get(TenantPool, { strict: false });
    const layers = {
      TypeORM: typeormLayer(host.nest.get(TenantContext, { strict: false })),
      'plain SQL': plainLayer(pool),
      Kysely: kyselyLayer(host.nest.get(KYSELY)),
      Drizzle: drizzleLayer(pool),
      Prisma: prismaLayer(pool),
    };
    return new DataLayers(host, layers, pooler, pool);
  }

  named(name: LayerName): DataLayer {
    return this.layers[name];
  }

  run<T>(slug: string, work: () => Promise<T>): Promise<T> {
    return this.host.nest.get(TenantConnectionService, { strict: false }).run(slug, work);
  }

  /** Suspends the tenant while `work` runs in its context. */
  async whileSuspended(work: () => Promise<void>): Promise<void> {
    const lifecycle = this.host.nest.get(TenantLifecycle, { strict: false });
    await this.run(SUSPENDED, async () => {
      await lifecycle.suspend(SUSPENDED, TENANTRY_ACTOR);
      await work().finally(() => lifecycle.resume(SUSPENDED, TENANTRY_ACTOR));
    });
    await soon(() => this.run(SUSPENDED, () => Promise.resolve()));
  }

  async stop(): Promise<void> {
    await this.host.dispose();
    await this.pooler?.stop();
  }
}
