import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The response to a request that may be repeated. Encrypted, because it may hold an API key, which is shown once. */
@Entity('idempotency_keys')
export class IdempotencyKeyEntity {
  @PrimaryColumn('text')
  key: string;

  @Column('text', { name: 'request_hash' })
  requestHash: string;

  @Column('text', { name: 'answer_sealed' })
  answerSealed: string;

  @Column({ type: 'timestamptz', name: 'created_at', insert: false })
  createdAt: Date;
}

/** The encryption context of a stored response. */
export function answerContext(key: string): string {
  return `idempotency_keys:${key}:answer_sealed`;
}
