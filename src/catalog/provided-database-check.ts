import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import pg from 'pg';
import { type DataSource, IsNull } from 'typeorm';
import { type ConnectionTarget, targetName } from '../database/connection/connection-target.js';
import { ReadWriteClient } from '../database/connection/read-write-client.js';
import { poolOptions } from '../database/pool/pool-options.js';
import { clientConfig } from '../database/connection/client-config.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { DecryptionError, KeyRing } from '../platform/encryption/key-ring.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { CATALOG } from './catalog-data-source.js';
import { CATALOG_TARGET } from './catalog-target.js';
import { MissingRightsError, ProvidedDatabaseChangedError, ProvidedLoginError } from './catalog.errors.js';
import { ConnectionTargetEntity, targetPasswordContext } from './entities/connection-target.entity.js';
import { missingRightsIn, providedDatabase } from './provided-database.js';

/** SQLSTATE classes of a login that the server refuses: no such role or password, no CONNECT, no such database. */
const REFUSED = /^(28|42501|3D000)/;

/** Checks at start that a provided database can be used, and gives a changed password of its login role to the catalog. */
@Injectable()
export class ProvidedDatabaseCheck implements OnModuleInit {
  private readonly logger = new Logger(ProvidedDatabaseCheck.name);

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CATALOG_TARGET) private readonly owner: ConnectionTarget,
    private readonly keyRing: KeyRing,
    private readonly shutdown: Shutdown = new Shutdown(),
  ) {}

  /** @throws MissingRightsError, ProvidedLoginError, ProvidedDatabaseChangedError */
  onModuleInit(): Promise<void> {
    return this.shutdown.duringStart(() => this.check());
  }

  private async check(): Promise<void> {
    const provided = providedDatabase(this.config);
    if (!provided) return;
    const { database, role, password } = provided;
    const missing = await this.connected({ ...this.owner, database }, missingRightsIn);
    if (missing && missing.length > 0) throw new MissingRightsError(this.owner.role, missing);
    const isAdmitted = await this.connected({ ...this.owner, database, role, password }, () => Promise.resolve(true));
    await this.reconcile({ ...this.owner, database, role, password }, isAdmitted === true);
  }

  /** @returns undefined when the server cannot be reached: other tenants' databases may be well */
  private async connected<T>(
    target: ConnectionTarget,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T | undefined> {
    const config = clientConfig(target, poolOptions(this.config));
    const client = new ReadWriteClient({ ...config, application_name: 'tenantry start' });
    client.on('error', () => undefined); // the pending query rejects with the same error
    try {
      await client.connect();
      return await work(client);
    } catch (error) {
      if (error instanceof pg.DatabaseError && REFUSED.test(error.code ?? '')) {
        throw new ProvidedLoginError(targetName(target), error);
      }
      this.logger.warn(`${targetName(target)} of TENANT_DATABASE_URL cannot be reached: its tenants are not served`);
      return undefined;
    } finally {
      void client.end().catch(() => undefined); // not awaited: a frozen server never closes the connection
    }
  }

  private async reconcile({ database, role, password }: ConnectionTarget, isAdmitted: boolean): Promise<void> {
    const targets = this.catalog.getRepository(ConnectionTargetEntity);
    const target = await targets.findOne({
      where: { kind: 'shared', server: { host: IsNull() } },
      relations: { server: true },
    });
    if (!target) return;
    if (!target.provided || target.database !== database || target.role !== role) {
      throw new ProvidedDatabaseChangedError(`"${target.database}" as "${target.role}"`, `"${database}" as "${role}"`);
    }
    if (!isAdmitted || this.recordedPassword(target) === password) return;
    const passwordSealed = this.keyRing.encrypt(password, targetPasswordContext(target.id));
    await targets.update(target.id, { passwordSealed });
    this.logger.log('The login role of TENANT_DATABASE_URL has another password now: all instances use it');
  }

  private recordedPassword({ id, passwordSealed }: ConnectionTargetEntity): string | undefined {
    try {
      return this.keyRing.decrypt(passwordSealed, targetPasswordContext(id));
    } catch (error) {
      if (error instanceof DecryptionError) return undefined;
      throw error;
    }
  }
}
