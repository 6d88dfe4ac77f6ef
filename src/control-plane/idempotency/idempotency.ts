import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { answerPlace, IdempotencyKeyEntity } from '../../catalog/entities/idempotency-key.entity.js';
import { ConflictError } from '../../errors/request.errors.js';
import { KeyRing } from '../../sealing/key-ring.js';

/** A request that creates something, and the key its sender gave it so that sending it again creates nothing more. */
export interface RepeatableRequest {
  /** `Idempotency-Key`; without one each request counts by itself. */
  readonly key: string | undefined;
  /** What is asked for. The same key with anything else is refused. */
  readonly action: string;
  readonly body: unknown;
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
   * What `create` answers, or what it answered the first time: as JSON makes it.
   *
   * @throws ConflictError when the key was used for another request
   */
  once<Answer>(
    { key, ...request }: RepeatableRequest,
    create: (catalog: EntityManager) => Promise<Answer>,
  ): Promise<Answer> {
    if (key === undefined) return this.catalog.transaction(create);
    const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('hex');
    return this.catalog.transaction(async (catalog) => {
      await catalog.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`idempotency key ${key}`]);
      await catalog.query('DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval', [KEPT]);
      const earlier = await catalog.findOneBy(IdempotencyKeyEntity, { key });
      if (earlier) return this.earlierAnswer<Answer>(earlier, requestHash);
      const answer = await create(catalog);
      const answerSealed = this.keyRing.seal(JSON.stringify(answer), answerPlace(key));
      await catalog.insert(IdempotencyKeyEntity, { key, requestHash, answerSealed });
      return answer;
    });
  }

  private earlierAnswer<Answer>({ key, requestHash, answerSealed }: IdempotencyKeyEntity, asked: string): Answer {
    if (requestHash !== asked) throw new ConflictError('this Idempotency-Key was used for another request');
    return JSON.parse(this.keyRing.open(answerSealed, answerPlace(key))) as Answer;
  }
}
