import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('operator_keys')
export class OperatorKeyEntity {
  /** The key's public part. */
  @PrimaryColumn('text')
  id: string;

  @Column('uuid', { name: 'operator_id' })
  operatorId: string;

  @Column('text', { name: 'secret_hash' })
  secretHash: string;

  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false })
  createdAt: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;
}
