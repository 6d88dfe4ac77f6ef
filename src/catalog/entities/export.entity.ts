import { Column, Entity, PrimaryColumn } from 'typeorm';

export const EXPORT_STATES = ['writing', 'kept'] as const;
/** `writing` until it was read back. */
export type ExportState = (typeof EXPORT_STATES)[number];

/** An archive of a tenant that was exported into the store of `BACKUP_URL`. */
@Entity('exports')
export class ExportEntity {
  /** Of the operation that writes it. */
  @PrimaryColumn('uuid')
  id: string;

  /** The tenant may be deleted, while the store is away. */
  @Column('uuid', { name: 'tenant_id' })
  tenantId: string;

  @Column('text', { name: 'object_key' })
  objectKey: string;

  /** Who can read it: `age1…`. */
  @Column('text', { array: true })
  recipients: string[];

  @Column('text')
  state: ExportState;

  /** Of the snapshot: what was committed later is not in it. */
  @Column('timestamptz', { name: 'taken_at', nullable: true })
  takenAt: Date | null;

  /** A bigint, which node-postgres returns as a string. */
  @Column('bigint', { nullable: true })
  bytes: string | null;

  @Column('bigint', { nullable: true })
  rows: string | null;

  /** Of the object, in hexadecimal digits. */
  @Column('text', { nullable: true })
  sha256: string | null;

  /** Null until it was read back, and of exports of former releases, which stay until they are removed. */
  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column({ type: 'timestamptz', name: 'created_at', precision: 3, insert: false })
  createdAt: Date;
}
