import { Column, Entity, PrimaryColumn } from 'typeorm';

export const OPERATION_STATUSES = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type OperationStatus = (typeof OPERATION_STATUSES)[number];

/** A failure, in terms that callers may see. */
export interface OperationFailure {
  readonly code: string;
  readonly message: string;
}

/** A long job on tenants. The instance that holds its advisory lock runs it; the row holds its progress. */
@Entity('operations')
export class OperationEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  kind: string;

  @Column('text')
  status: OperationStatus;

  /** The operation's tenant, if it concerns a single one. */
  @Column('uuid', { name: 'tenant_id', nullable: true })
  tenantId: string | null;

  /** Display name of what it operates on: a slug, a server, `fleet`. */
  @Column('text')
  subject: string;

  @Column('jsonb')
  input: Readonly<Record<string, unknown>>;

  /** State shared between attempts and steps. Secrets in it are encrypted. Never exposed. */
  @Column('jsonb')
  state: Readonly<Record<string, string>>;

  /** The names of all of its steps, in order. */
  @Column('text', { array: true })
  steps: string[];

  @Column('text', { name: 'finished_steps', array: true })
  finishedSteps: string[];

  /** The running step, or the failed one. */
  @Column('text', { nullable: true })
  step: string | null;

  /** Progress within the step, if it has parts. */
  @Column('integer', { nullable: true })
  done: number | null;

  @Column('integer', { nullable: true })
  total: number | null;

  /** Names of the hooks that an instance's code must contain to run it; null: any instance may. */
  @Column('text', { name: 'required_hooks', array: true, nullable: true })
  requiredHooks: string[] | null;

  @Column('jsonb', { nullable: true })
  result: Readonly<Record<string, unknown>> | null;

  @Column('jsonb', { nullable: true })
  error: OperationFailure | null;

  /** Number of attempts since a step was last finished. */
  @Column('integer')
  attempts: number;

  @Column('boolean', { name: 'cancel_requested' })
  cancelRequested: boolean;

  /** Earliest start of the next attempt. */
  @Column('timestamptz', { name: 'run_after' })
  runAfter: Date;

  /** The instance that runs it, or last ran it: host name and process id. */
  @Column('text', { nullable: true })
  instance: string | null;

  @Column('timestamptz', { name: 'heartbeat_at', nullable: true })
  heartbeatAt: Date | null;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3 })
  createdAt: Date;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;
}
