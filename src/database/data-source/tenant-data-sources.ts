import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { ConnectionPools } from '../pool/connection-pools.js';
import type { ConnectionTarget } from '../pool/connection-target.js';
import { SessionLease } from '../session/session-lease.js';
import { createStamp, type Stamp } from '../session/stamp.js';
import { TENANT_SCHEMA, type TenantSchema } from '../tenant-schema.js';
import { createTenantDataSource } from './tenant-data-source.js';
import { TemplateDataSource } from './template-data-source.js';

/** Where a tenant's rows are: a target's database, a schema in it, and the identity its statements carry. */
export interface Placement {
  readonly tenantId: string;
  readonly schema: string;
  readonly target: ConnectionTarget;
}

/** Makes tenants' data sources and sessions over the pools of their targets. */
@Injectable()
export class TenantDataSources implements OnModuleInit {
  private template: TemplateDataSource | undefined;

  constructor(
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly pools: ConnectionPools,
  ) {}

  /** @throws UnsupportedEntityError */
  async onModuleInit(): Promise<void> {
    this.template = await TemplateDataSource.build(this.schema);
  }

  create(placement: Placement): DataSource {
    if (!this.template) throw new Error('TenantDataSources is used before the application was initialised');
    const pool = this.pools.get(placement.target);
    return createTenantDataSource(this.template, pool, stampOf(placement), placement.schema);
  }

  /** Runs `work` on a connection that is a session of its own; nothing of it is left behind. */
  session<T>(placement: Placement, work: (session: SessionLease) => Promise<T>): Promise<T> {
    return SessionLease.run(this.pools.get(placement.target), stampOf(placement), work);
  }
}

function stampOf(placement: Placement): Stamp {
  return createStamp(placement.tenantId, placement.schema);
}
