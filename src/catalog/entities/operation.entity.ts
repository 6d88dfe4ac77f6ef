import { Column, Entity, PrimaryColumn } from 'typeorm';

export const OPERATION_STATUSES = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type OperationStatus = (typeof OPERATION_STATUSES)[number];

/** What went wrong, as a caller may read it. */
export interface OperationFailure {
  readonly code: string;
  readonly message: string;
}

/** A long job on tenants. Whoever holds its advisory lock works on it; the row says how far it has come. */
@Entity('operations')
export class OperationEntity {
  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  kind: string;

  @Column('text')
  status: OperationStatus;

  /** The one tenant it is about, if it is about one. */
  @Column('uuid', { name: 'tenant_id', nullable: true })
  tenantId: string | null;

  /** What people call what it is about: a slug, a server, `fleet`. */
  @Column('text')
  subject: string;

  @Column('jsonb')
  input: Readonly<Record<string, unknown>>;

  /** What a step keeps for itself and for later ones. Secrets in it are sealed. Never shown. */
  @Column('jsonb')
  state: Readonly<Record<string, string>>;

  /** The names of all of its steps, in order. */
  @Column('text', { array: true })
  steps: string[];

  @Column('text', { name: 'finished_steps', array: true })
  finishedSteps: string[];

  /** The step that is being worked on, or that failed. */
  @Column('text', { nullable: true })
  step: string | null;

  /** Progress inside the step, when it has parts. */
  @Column('integer', { nullable: true })
  done: number | null;

  @Column('integer', { nullable: true })
  total: number | null;

  @Column('jsonb', { nullable: true })
  result: Readonly<Record<string, unknown>> | null;

  @Column('jsonb', { nullable: true })
  error: OperationFailure | null;

  /** How often it was taken up since a step was last finished. */
  @Column('integer')
  attempts: number;

  @Column('boolean', { name: 'cancel_requested' })
  cancelRequested: boolean;

  /** It is not taken up before. */
  @Column('timestamptz', { name: 'run_after' })
  runAfter: Date;

  /** Who works on it, or did last: host name and process id. */
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
