import { Column, Entity, PrimaryColumn } from 'typeorm';

export const AUDIT_SUBJECT_KINDS = [
  'tenant',
  'server',
  'operation',
  'api-key',
  'admin-key',
  'operator',
  'reference-table',
  'plan',
  'fleet',
] as const;
export type AuditSubjectKind = (typeof AUDIT_SUBJECT_KINDS)[number];

/** One change made through the control plane, or refused attempts to use it. Append-only: a trigger rejects updates and deletes. */
@Entity('audit_log')
export class AuditEntryEntity {
  /** Ascending; a bigint, which node-postgres returns as a string. */
  @PrimaryColumn({ type: 'bigint', insert: false })
  id: string;

  @Column({ type: 'timestamptz', insert: false })
  at: Date;

  /** `admin key`, `command line (user@host)`, `tenantry`. */
  @Column('text')
  actor: string;

  /** The operator's id; null for other actors. */
  @Column('uuid', { name: 'actor_id', nullable: true })
  actorId: string | null;

  /** Of an HTTP client; null for other actors, and in entries of earlier releases. */
  @Column('text', { nullable: true })
  address: string | null;

  @Column('text', { name: 'request_id', nullable: true })
  requestId: string | null;

  /** `tenant.suspend` */
  @Column('text')
  action: string;

  @Column('text', { name: 'subject_kind' })
  subjectKind: AuditSubjectKind;

  @Column('text', { name: 'subject_id' })
  subjectId: string;

  /** The subject's name at that time. */
  @Column('text')
  subject: string;

  /** The tenant that the entry is about, which may be deleted since; null when it is about none or several. Set by a trigger. */
  @Column({ type: 'uuid', name: 'tenant_id', nullable: true, insert: false })
  tenantId: string | null;

  /** How many refused attempts the entry stands for; null for a change. */
  @Column('integer', { name: 'refused_attempts', nullable: true })
  refusedAttempts: number | null;

  @Column('jsonb', { nullable: true })
  before: object | null;

  @Column('jsonb', { nullable: true })
  after: object | null;
}
