import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { ArchiveManifest } from '../../database/archives/format/manifest.js';
import { ObjectNotFoundError, StoreUnavailableError } from '../../object-store/object-store.errors.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { parseOrThrow } from '../../platform/errors/parse-or-throw.js';
import { isUuid } from '../../platform/uuid.js';
import { type OpenableArchive, useArchive } from '../archives/archive-sources.js';
import { Imports } from '../archives/imports.js';
import { InstallationKeys } from '../archives/installation-keys.js';
import { ScratchTables } from '../archives/scratch-tables.js';
import { newTenant } from '../tenants/tenant.schemas.js';
import { ArchiveStore } from './archive-store.js';
import { ImportLeftovers, passedOnKey, passedOnPrefix } from './import-leftovers.js';
import { ExportRecords } from './export-records.js';
import type { NewImport } from './export.schemas.js';

/** In which a request reads an archive as far as its manifest. */
const INSPECTION_MS = 20_000;

/** An archive of the store, and what it says about itself. */
export interface StoredArchive {
  readonly key: string;
  readonly manifest: ArchiveManifest;
}

/** An archive that only this process has. */
export interface PassedOnArchive {
  /** Of its content, in hexadecimal digits. */
  readonly sha256: string;
  /** The new tenant that is made of it. */
  readonly slug: string;
  readonly read: () => Readable;
}

/** Makes tenants of archives in the store, which this installation's identities must open. */
@Injectable()
export class StoredImports {
  constructor(
    private readonly stores: ArchiveStore,
    private readonly keys: InstallationKeys,
    private readonly records: ExportRecords,
    private readonly scratch: ScratchTables,
    private readonly imports: Imports,
    private readonly leftovers: ImportLeftovers,
  ) {}

  /**
   * Reads an archive as far as its manifest: what is no archive, is for others, or does not fit is refused before anything is
   * requested. The operation reads it to its end before it makes anything.
   *
   * @param from id of an export, or key of an object
   * @throws NotFoundError, ConflictError (`BACKUP_URL` is not set, the export was not read back), the errors of ArchiveReader,
   *   ArchiveTablesError, the errors of ObjectStore
   */
  async inspect(from: string): Promise<StoredArchive> {
    if (!this.stores.isConfigured) throw new ConflictError('BACKUP_URL is not set');
    const key = isUuid(from) ? (await this.records.kept(from)).objectKey : from;
    const { location } = await this.stores.open();
    const late = new AbortController();
    const reason = new StoreUnavailableError(location, `no manifest within ${INSPECTION_MS / 1000} s`);
    const timer = setTimeout(() => late.abort(reason), INSPECTION_MS);
    try {
      return await useArchive(await this.open(key), late.signal, async ({ manifest }) => {
        this.scratch.assertKnown(manifest.migrations);
        return { key, manifest };
      });
    } catch (error) {
      throw error instanceof ObjectNotFoundError ? new NotFoundError('archive') : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Creates the tenant and the operation. @throws the errors of TenantCreation.create, ValidationFailedError */
  async request(
    catalog: EntityManager,
    { key, manifest }: StoredArchive,
    { as: slug, isolation = manifest.tenant.isolation, server }: NewImport,
    actor: Actor,
  ): Promise<OperationEntity> {
    const body = parseOrThrow(newTenant, { slug, isolation, server });
    const source = { kind: 'object', key, takenAt: manifest.takenAt } as const;
    return this.imports.request(catalog, body, source, manifest, actor);
  }

  /**
   * Has an archive in the store while `work` needs it there. Afterwards it is removed, unless an operation still reads it. Where a
   * command was killed that had passed it on for the same new tenant, its object is used.
   *
   * @throws the errors of ObjectStore, of `work`, the signal's reason
   */
  async withUploaded(
    { sha256, slug, read }: PassedOnArchive,
    work: (key: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const interrupted = await this.imports.objectOfInterrupted(slug, passedOnPrefix(sha256));
    const key = interrupted ?? passedOnKey(sha256);
    if (interrupted === undefined) await (await this.stores.open()).put(key, read(), { signal });
    try {
      await work(key);
    } finally {
      await this.leftovers.remove(key);
    }
  }

  /** For an operation that reads it. */
  async open(key: string, takenAt?: string): Promise<OpenableArchive> {
    const store = await this.stores.open();
    const identities = (await this.keys.identities()).map(({ identity }) => identity);
    return { read: (signal) => store.get(key, { signal }), key: { identities }, takenAt };
  }
}
