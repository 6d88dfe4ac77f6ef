import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OperationFailure } from './operation.entity.js';

/** The outcome of an operation over many tenants for one of them. */
@Entity('operation_tenants')
export class OperationTenantEntity {
  @PrimaryColumn('uuid', { name: 'operation_id' })
  operationId: string;

  @PrimaryColumn('uuid', { name: 'tenant_id' })
  tenantId: string;

  @Column('text')
  slug: string;

  @Column('text')
  status: 'succeeded' | 'failed';

  @Column('jsonb', { nullable: true })
  error: OperationFailure | null;

  @Column('text', { name: 'from_version', nullable: true })
  fromVersion: string | null;

  @Column('text', { name: 'to_version', nullable: true })
  toVersion: string | null;

  @Column('integer', { name: 'duration_ms' })
  durationMs: number;

  @Column('timestamptz', { name: 'finished_at' })
  finishedAt: Date;
}
