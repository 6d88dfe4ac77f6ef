import { Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { ConnectionPools } from '../pool/connection-pools.js';
import { ReadReplicas } from '../replicas/read-replicas.js';
import { type ConnectionTarget, hasReplicas, sessionTarget } from '../connection/connection-target.js';
import { type ShareOverrides, tenantShare } from '../pool/pool-options.js';
import { SessionLease, type SessionOptions } from '../transactions/session-lease.js';
import type { StampKey } from '../isolation/stamp-key.js';
import type { Growth } from '../sql-guard/growth.js';
import { createStamp } from '../statements/stamps/stamp.js';
import { type Relocation, TenantAccess } from '../statements/tenant-access.js';
import { type ExpectedTable, expectedTables } from '../table-migrations/comparison/expected-tables.js';
import { TENANT_SCHEMA, type TenantSchema } from '../table-migrations/tenant-schema/tenant-schema.js';
import { createTenantDataSource } from './tenant-data-source.js';
import { TemplateDataSource } from './template-data-source.js';

/** Where a tenant's rows are, and its limits on the connection target. */
export interface Placement {
  readonly tenantId: string;
  readonly schema: string;
  readonly target: ConnectionTarget;
  readonly limits: ShareOverrides;
  /** Whether it is for an operation, which works while the tenant is not served. Default: false. */
  readonly isOperation?: boolean;
  /** Whether it may add rows; undefined: always, as operations may. */
  readonly growth?: Growth | undefined;
  /** Whether its rows move. Default: false. */
  readonly isMoving?: boolean | undefined;
}

/** Creates tenants' data sources and sessions on the pools of their connection targets. */
@Injectable()
export class TenantDataSources implements OnModuleInit {
  private template: TemplateDataSource | undefined;
  private expected: readonly ExpectedTable[] = [];
  /** Finds tenants whose rows have moved. Set by the layer that looks tenants up. */
  relocation: Relocation | undefined;
  /** How many instances run, among which limits over all of them are divided. Set by the layer that counts them. */
  instances: () => number = () => 1;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly pools: ConnectionPools,
    private readonly shutdown: Shutdown = new Shutdown(),
    @Optional() private readonly replicas?: ReadReplicas,
  ) {}

  /** @throws UnsupportedEntityError */
  async onModuleInit(): Promise<void> {
    this.template = await this.shutdown.duringStart(() => TemplateDataSource.build(this.schema));
    this.expected = expectedTables(this.template);
  }

  /** The tables that the entities map. */
  get expectedTables(): readonly ExpectedTable[] {
    return this.expected;
  }

  create(placement: Placement): DataSource {
    if (!this.template) throw new Error('TenantDataSources was used before the application was initialised');
    const access = this.accessOf(placement);
    // While its rows move, a replica would not know on which side of the switch it is.
    if (!placement.isOperation && !placement.isMoving) this.replicas?.attach(access, placement.target);
    return createTenantDataSource(this.template, access, placement.schema);
  }

  /**
   * Runs `work` in a session of its own, on a connection that is reset afterwards.
   *
   * @param currentKey the key of the tenant's stamps as it is now; undefined while that is not known
   */
  session<T>(
    placement: Placement,
    work: (session: SessionLease) => Promise<T>,
    options?: SessionOptions,
    currentKey?: () => StampKey | undefined,
  ): Promise<T> {
    const access = this.accessOf({ ...placement, target: sessionTarget(placement.target) });
    return SessionLease.run(access, work, { ...options, currentKey });
  }

  private accessOf({ tenantId, schema, target, limits, growth, isOperation, isMoving }: Placement): TenantAccess {
    const share = tenantShare(target, this.config, limits, () => this.instances());
    const statementTimeoutMs = target.server.aroundPooler && this.config.pool.statementTimeoutMs;
    const stamp = createStamp(tenantId, schema, {
      key: target.stampKey,
      statementTimeoutMs,
      serverId: target.server.id,
      isGated: isMoving,
    });
    const mayExplain = !target.shared || this.config.environment !== 'production';
    const pool = this.pools.get(target);
    const limit = isOperation ? undefined : growth;
    const access = new TenantAccess(pool, stamp, share, mayExplain, isOperation, this.relocation, limit);
    access.hasReplicas = this.replicas !== undefined && !isOperation && hasReplicas(target);
    return access;
  }
}
