import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { answerContext, IdempotencyKeyEntity } from '../../catalog/entities/idempotency-key.entity.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';

/** A request that creates something, and the key its sender gave it so that sending it again creates nothing more. */
export interface RepeatableRequest {
  /** `Idempotency-Key`; without one each request counts by itself. */
  readonly key: string | undefined;
  /** What is asked for. The same key with anything else is refused. */
  readonly action: string;
  readonly body: unknown;
}

export interface OnceAnswered<Answer> {
  readonly answer: Answer;
  /** It was created before: this is the answer of that time, as JSON makes it. */
  readonly isReplayed: boolean;
}

/** How long an answer is kept. */
const KEPT = '24 hours';

/** Runs what creates something in one transaction of the catalog, once for each key. */
@Injectable()
export class Idempotency {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly keyRing: KeyRing,
  ) {}

  /**
   * What `create` answers, or what it answered the first time.
   *
   * @throws ConflictError when the key was used for another request
   */
  async once<Answer>(request: RepeatableRequest, create: (catalog: EntityManager) => Promise<Answer>): Promise<Answer> {
    return (await this.answerOnce(request, create)).answer;
  }

  /** The same, for whoever has to tell whether it was answered before. @throws ConflictError */
  answerOnce<Answer>(
    { key, ...request }: RepeatableRequest,
    create: (catalog: EntityManager) => Promise<Answer>,
  ): Promise<OnceAnswered<Answer>> {
    return this.catalog.transaction(async (catalog) => {
      if (key === undefined) return { answer: await create(catalog), isReplayed: false };
      const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('hex');
      const earlier = await this.earlier(catalog, key);
      if (earlier) return { answer: this.earlierAnswer<Answer>(earlier, requestHash), isReplayed: true };
      const answer = await create(catalog);
      const answerSealed = this.keyRing.encrypt(JSON.stringify(answer), answerContext(key));
      await catalog.insert(IdempotencyKeyEntity, { key, requestHash, answerSealed });
      return { answer, isReplayed: false };
    });
  }

  /** Waits while the same request is being answered: the one that comes second gets the answer of the first. */
  private async earlier(catalog: EntityManager, key: string): Promise<IdempotencyKeyEntity | null> {
    await catalog.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`idempotency key ${key}`]);
    await catalog.query('DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval', [KEPT]);
    return catalog.findOneBy(IdempotencyKeyEntity, { key });
  }

  private earlierAnswer<Answer>({ key, requestHash, answerSealed }: IdempotencyKeyEntity, asked: string): Answer {
    if (requestHash !== asked) throw new ConflictError('this Idempotency-Key was used for another request');
    return JSON.parse(this.keyRing.decrypt(answerSealed, answerContext(key))) as Answer;
  }
}
