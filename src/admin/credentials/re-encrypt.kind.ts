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

/** Raised when the catalog has encrypted values that no key in `ENCRYPTION_KEYS` can decrypt. */
class UndecryptableError extends CodedError {
  readonly code = 'SEAL_BROKEN';

  /** @param contexts the values' encryption contexts, which name their table, row and column */
  constructor(readonly contexts: readonly string[]) {
    super(`no key in ENCRYPTION_KEYS decrypts ${contexts.length} values: ${contexts.slice(0, 5).join(', ')}`);
  }
}

/** Re-encrypts all values that were not encrypted with the first key in `ENCRYPTION_KEYS`. */
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

  private async reEncryptCatalog({ signal, reportProgress, addResult }: Run): Promise<void> {
    const { reEncrypted, broken } = await reEncryptAll(this.catalog, this.keyRing, {
      signal,
      onProgress: (done) => reportProgress(done, done),
    });
    await addResult({ catalogValues: reEncrypted });
    if (broken.length > 0) throw new UndecryptableError(broken);
  }

  /** Redis entries stay readable until they expire even without this, so an unavailable Redis is not a failure. */
  private async reEncryptCache({ signal, addResult }: Run): Promise<void> {
    await addResult({ cacheEntries: (await this.cache.reEncryptEntries(signal)) ?? null });
  }
}

const reEncryptRequest = z
  .strictObject({ kind: z.literal('reseal') })
  .meta({ id: 'Reseal', example: { kind: 'reseal' } });

@Injectable()
export class ReEncryptRequest implements OperationRequest<z.infer<typeof reEncryptRequest>> {
  readonly role = 'admin';
  readonly schema = reEncryptRequest;

  constructor(
    readonly kind: ReEncryptKind,
    private readonly operations: Operations,
  ) {}

  create(catalog: EntityManager, _request: unknown, actor: Actor): Promise<OperationEntity> {
    return this.operations.create(catalog, { kind: this.kind, input: {}, tenantId: null, subject: 'catalog' }, actor);
  }
}
