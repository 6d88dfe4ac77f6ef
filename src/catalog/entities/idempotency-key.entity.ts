import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The answer to a request that may come again. Sealed, because it may hold an API key that is shown once. */
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

/** Where the answer to a request is sealed. */
export function answerContext(key: string): string {
  return `idempotency_keys:${key}:answer_sealed`;
}
