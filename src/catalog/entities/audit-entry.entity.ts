import { Column, Entity, PrimaryColumn } from 'typeorm';

export const AUDIT_SUBJECT_KINDS = ['tenant', 'server', 'operation', 'api-key'] as const;
export type AuditSubjectKind = (typeof AUDIT_SUBJECT_KINDS)[number];

/** One change made through the control plane. Append-only: a trigger rejects updates and deletes. */
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

  @Column('jsonb', { nullable: true })
  before: object | null;

  @Column('jsonb', { nullable: true })
  after: object | null;
}
