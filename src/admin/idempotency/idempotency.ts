import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, In } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { answerContext, IdempotencyKeyEntity } from '../../catalog/entities/idempotency-key.entity.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';

/** A client's key for a request: a header, or an option of the command line. */
export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, 'an idempotency key must be 1-255 characters of printable ASCII')
  .optional();

/** A request that creates something, with the client's key that makes repeating it safe. */
export interface IdempotentRequest {
  /** The `Idempotency-Key` header. Without a key, every request is executed. */
  readonly key: string | undefined;
  /** Method and path. The same key with another action or body is a conflict. */
  readonly action: string;
  readonly body: unknown;
}

export interface IdempotentResult<T> {
  readonly response: T;
  /** Whether `response` is the stored one of an earlier request, after a round trip through JSON. */
  readonly isReplayed: boolean;
}

/** How long responses are stored. */
const RETENTION = '24 hours';

/** Executes a creating request in one catalog transaction, once per key. */
@Injectable()
export class Idempotency {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly keyRing: KeyRing,
  ) {}

  /**
   * Returns the result of `create`, or its stored result from the first request.
   *
   * @throws ConflictError when the key was used for another request
   */
  async run<T>(request: IdempotentRequest, create: (catalog: EntityManager) => Promise<T>): Promise<T> {
    return (await this.runDetectingReplay(request, create)).response;
  }

  /**
   * The stored result of an earlier request, for callers that prepare something outside of the transaction; undefined without.
   *
   * @throws ConflictError when the key was used for another request
   */
  stored<T>({ key, ...request }: IdempotentRequest): Promise<T | undefined> {
    return this.catalog.transaction(async (catalog) => {
      if (key === undefined) return undefined;
      const earlier = await this.findEarlier(catalog, key);
      return earlier ? this.earlierResponse<T>(earlier, hashOf(request)) : undefined;
    });
  }

  /** Like `run`, and also returns whether the response was replayed. @throws ConflictError */
  runDetectingReplay<T>(
    { key, ...request }: IdempotentRequest,
    create: (catalog: EntityManager) => Promise<T>,
  ): Promise<IdempotentResult<T>> {
    return this.catalog.transaction(async (catalog) => {
      if (key === undefined) return { response: await create(catalog), isReplayed: false };
      const requestHash = hashOf(request);
      const earlier = await this.findEarlier(catalog, key);
      if (earlier) return { response: this.earlierResponse<T>(earlier, requestHash), isReplayed: true };
      const response = await create(catalog);
      const answerSealed = this.keyRing.encrypt(JSON.stringify(response), answerContext(key));
      await catalog.insert(IdempotencyKeyEntity, { key, requestHash, answerSealed });
      return { response, isReplayed: false };
    });
  }

  /**
   * Removes the stored responses that mention a deleted tenant, and all expired ones. Responses that this instance cannot
   * decrypt are left until they expire.
   *
   * @param catalog in the transaction that deletes the tenant
   * @returns how many mentioned it
   */
  async forgetTenant(catalog: EntityManager, tenantId: string): Promise<number> {
    await this.removeExpired(catalog);
    const stored = await catalog.find(IdempotencyKeyEntity);
    const keys = stored.filter((row) => this.mentions(row, tenantId)).map(({ key }) => key);
    await catalog.delete(IdempotencyKeyEntity, { key: In(keys) });
    return keys.length;
  }

  private mentions({ key, answerSealed }: IdempotencyKeyEntity, tenantId: string): boolean {
    try {
      return this.keyRing.decrypt(answerSealed, answerContext(key)).includes(tenantId);
    } catch {
      return false;
    }
  }

  /** Waits while a request with the same key is in progress, so that concurrent requests get the same response. */
  private async findEarlier(catalog: EntityManager, key: string): Promise<IdempotencyKeyEntity | null> {
    await catalog.query('SELECT pg_advisory_xact_lock(hashtext($1))', [LOCK_NAMES.idempotencyKey(key)]);
    await this.removeExpired(catalog);
    return catalog.findOneBy(IdempotencyKeyEntity, { key });
  }

  private async removeExpired(catalog: EntityManager): Promise<void> {
    await catalog.query('DELETE FROM idempotency_keys WHERE created_at < now() - $1::interval', [RETENTION]);
  }

  private earlierResponse<T>({ key, requestHash, answerSealed }: IdempotencyKeyEntity, expectedHash: string): T {
    if (requestHash !== expectedHash) {
      throw new ConflictError('this Idempotency-Key was already used for another request');
    }
    return JSON.parse(this.keyRing.decrypt(answerSealed, answerContext(key))) as T;
  }
}

function hashOf(request: Omit<IdempotentRequest, 'key'>): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}
