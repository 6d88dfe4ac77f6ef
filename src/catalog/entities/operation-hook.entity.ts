import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OperationFailure } from './operation.entity.js';

export const HOOK_STATUSES = ['running', 'retrying', 'succeeded', 'failed'] as const;

/** What became of one hook that an operation called for one tenant. */
@Entity('operation_hooks')
export class OperationHookEntity {
  @PrimaryColumn('uuid', { name: 'operation_id' })
  operationId: string;

  @PrimaryColumn('uuid', { name: 'tenant_id' })
  tenantId: string;

  /** What happened to the tenant; `seed` for the seeds of its tables. */
  @PrimaryColumn('text')
  event: string;

  /** The hook's name. */
  @PrimaryColumn('text')
  hook: string;

  /** `retrying`: it has failed, and will be called again. */
  @Column('text')
  status: (typeof HOOK_STATUSES)[number];

  @Column('integer')
  attempts: number;

  @Column('jsonb', { nullable: true })
  error: OperationFailure | null;

  /** The seeds' last transaction; from it a later attempt learns whether it was committed. */
  @Column('text', { name: 'transaction_id', nullable: true })
  transactionId: string | null;

  /** Of the last attempt. */
  @Column('integer', { name: 'duration_ms', nullable: true })
  durationMs: number | null;

  @Column('timestamptz', { name: 'started_at' })
  startedAt: Date;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;
}
