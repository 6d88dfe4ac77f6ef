import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CACHE, type Cache } from '../../cache/contract/cache.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { reEncryptAll } from '../../catalog/encrypted-columns.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { Operations } from '../../operations/operations.js';

const Input = z.object({});
type Run = OperationRun<z.infer<typeof Input>>;

/** Raised when sealed values are left that no key of `ENCRYPTION_KEYS` opens. */
export class UndecryptableError extends CodedError {
  readonly code = 'SEAL_BROKEN';

  constructor(readonly places: readonly string[]) {
    super(`${places.length} sealed values open with no key of ENCRYPTION_KEYS: ${places.slice(0, 5).join(', ')}`);
  }
}

/** Seals everything anew that is sealed with another key than the first of `ENCRYPTION_KEYS`. */
@Injectable()
export class ReEncryptKind implements OperationKind<z.infer<typeof Input>> {
  readonly name = 'reseal';
  readonly input = Input;
  readonly steps = [
    { name: 'catalog', run: (run: Run) => this.reEncryptCatalog(run) },
    { name: 'cache', run: (run: Run) => this.reEncryptCache(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CACHE) private readonly cache: Cache,
    private readonly keyRing: KeyRing,
  ) {}

  private async reEncryptCatalog({ signal, reportProgress: progress, addResult: report }: Run): Promise<void> {
    const { reEncrypted: resealed, broken } = await reEncryptAll(this.catalog, this.keyRing, {
      signal,
      onProgress: (done) => progress(done, done),
    });
    await report({ catalogValues: resealed });
    if (broken.length > 0) throw new UndecryptableError(broken);
  }

  /** What Redis holds is good without it for as long as it lives: one that is away is no failure. */
  private async reEncryptCache({ signal, addResult: report }: Run): Promise<void> {
    await report({ cacheEntries: (await this.cache.reEncryptEntries(signal)) ?? null });
  }
}

const reEncryptRequest = z
  .strictObject({ kind: z.literal('reseal') })
  .meta({ id: 'Reseal', example: { kind: 'reseal' } });

@Injectable()
export class ReEncryptRequest implements OperationRequest<z.infer<typeof reEncryptRequest>> {
  readonly schema = reEncryptRequest;

  constructor(
    readonly kind: ReEncryptKind,
    private readonly operations: Operations,
  ) {}

  create(catalog: EntityManager, _request: unknown, actor: Actor): Promise<OperationEntity> {
    return this.operations.create(catalog, { kind: this.kind, input: {}, tenantId: null, subject: 'catalog' }, actor);
  }
}
