import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a sign-in through the OpenID provider has opened. */
@Entity('operator_sessions')
export class OperatorSessionEntity {
  /** The public part of the session's token. */
  @PrimaryColumn('text')
  id: string;

  @Column('uuid', { name: 'operator_id' })
  operatorId: string;

  @Column('text', { name: 'secret_hash' })
  secretHash: string;

  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false })
  createdAt: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  /** By a sign-out, or by an admin. */
  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt: Date | null;
}
