import 'reflect-metadata';
import type { INestApplicationContext, LoggerService, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { CatalogUnavailableError } from '../../catalog/catalog.errors.js';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import type { TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { accessCatalog, type CatalogAccess } from '../../catalog/catalog-access.js';
import type { HooksApplication } from '../../admin/tenant-hooks/hook-host.js';
import { QuietLog } from './quiet-log.js';
import { CommandLineModule } from './command-line.module.js';

export interface SessionOptions {
  readonly schema: TenantSchema;
  readonly redis: boolean;
  /** The running application whose hooks operations call. Default: none. */
  readonly application?: HooksApplication;
  /** `all`: the log, to this stream; `waits`: only what the start waits for; undefined: nothing. */
  readonly log: { readonly what: 'all' | 'waits'; readonly stream: NodeJS.WritableStream } | undefined;
}

const ATTEMPTS = 3;

/**
 * The control plane as the server composes it, in this process and without HTTP. It does not poll for work: it runs only
 * the operations that a command requests.
 */
export class ControlPlaneSession {
  private constructor(
    private readonly nest: INestApplicationContext,
    private readonly access: CatalogAccess,
  ) {}

  /** @throws the errors in embedded.errors.ts and catalog.errors.ts */
  static async open(loaded: LoadedConfig, options: SessionOptions, attempts = ATTEMPTS): Promise<ControlPlaneSession> {
    const access = await accessCatalog(loaded.config);
    try {
      return new ControlPlaneSession(await compose({ ...loaded, config: access.config }, options), access);
    } catch (error) {
      await access.close();
      // Another command started that PostgreSQL, and stopped it after we found it and before we were connected.
      const isGone = access.isBorrowed && error instanceof CatalogUnavailableError;
      if (!isGone || attempts === 1) throw error;
    }
    return ControlPlaneSession.open(loaded, options, attempts - 1);
  }

  get<T>(service: Type<T> | symbol): T {
    return this.nest.get<T>(service);
  }

  get catalog(): DataSource {
    return this.nest.get<DataSource>(CATALOG);
  }

  /** Waits for the end of a running operation's step, within `SHUTDOWN_TIMEOUT`: an aborted one would be repeated. */
  async close(): Promise<void> {
    try {
      await this.nest.close();
    } finally {
      await this.access.close(); // may take longer, because other commands may be using it
    }
  }
}

async function compose(
  loaded: LoadedConfig,
  { schema, redis, log, application }: SessionOptions,
): Promise<INestApplicationContext> {
  const { config } = loaded;
  const cache = { ...config.cache, redisEnabled: redis && config.cache.redisEnabled };
  const withoutUnusedRedis = { ...loaded, config: { ...config, cache } };
  const shutdown = new Shutdown(config.shutdownTimeoutMs);
  const module = CommandLineModule.register({ loaded: withoutUnusedRedis, schema, application }, shutdown);
  const logger = await loggerOf(loaded, log);
  return shutdown.duringStart(() => NestFactory.createApplicationContext(module, { logger, abortOnError: false }));
}

/** Imports the process's logger only when it is used, with `--verbose`. */
async function loggerOf({ config }: LoadedConfig, log: SessionOptions['log']): Promise<LoggerService | false> {
  if (log === undefined) return false;
  if (log.what === 'waits') return new QuietLog(log.stream);
  const [{ createLog }, { NestLog }] = await Promise.all([
    import('../../logging/log.js'),
    import('../../logging/nest-log.js'),
  ]);
  return new NestLog(createLog(config, log.stream));
}
