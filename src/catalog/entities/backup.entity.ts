import { Column, Entity, PrimaryColumn } from 'typeorm';

export const BACKUP_STATES = ['writing', 'kept', 'unreadable'] as const;
/** `writing` until it was read back; `unreadable` once its tenant is deleted. */
export type BackupState = (typeof BACKUP_STATES)[number];

/** An archive of a tenant in the store of `BACKUP_URL`. */
@Entity('backups')
export class BackupEntity {
  @PrimaryColumn('uuid')
  id: string;

  /** The tenant may be deleted. */
  @Column('uuid', { name: 'tenant_id' })
  tenantId: string;

  @Column('uuid', { name: 'operation_id' })
  operationId: string;

  @Column('text', { name: 'object_key' })
  objectKey: string;

  @Column('text')
  state: BackupState;

  /** Of the snapshot: what was committed later is not in it. */
  @Column('timestamptz', { name: 'taken_at', nullable: true })
  takenAt: Date | null;

  /** A bigint, which node-postgres returns as a string. */
  @Column('bigint', { nullable: true })
  bytes: string | null;

  @Column('bigint', { nullable: true })
  rows: string | null;

  @Column('text', { name: 'schema_version', nullable: true })
  schemaVersion: string | null;

  /** When it was read back. */
  @Column('timestamptz', { name: 'verified_at', nullable: true })
  verifiedAt: Date | null;

  /** When it was last restored for a trial. */
  @Column('timestamptz', { name: 'drilled_at', nullable: true })
  drilledAt: Date | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, insert: false })
  createdAt: Date;
}
