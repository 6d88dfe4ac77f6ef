import { Inject, Injectable } from '@nestjs/common';
import { openObjectStore } from '../../object-store/open-object-store.js';
import type { ObjectStore } from '../../object-store/object-store.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { StoreNotConfiguredError } from './stored-archives.errors.js';

/** The store of `BACKUP_URL`, opened when it is first needed. */
@Injectable()
export class ArchiveStore {
  private store: Promise<ObjectStore> | undefined;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    shutdown: Shutdown = new Shutdown(),
  ) {
    shutdown.add('close admin connections', async () => (await this.store)?.close());
  }

  get isConfigured(): boolean {
    return this.config.backups.place !== undefined;
  }

  /** @throws StoreNotConfiguredError, StorePackagesMissingError */
  open(): Promise<ObjectStore> {
    const { place } = this.config.backups;
    if (!place) throw new StoreNotConfiguredError();
    return (this.store ??= openObjectStore(place));
  }
}
