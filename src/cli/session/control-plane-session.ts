import 'reflect-metadata';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { CatalogUnavailableError } from '../../catalog/catalog.errors.js';
import type { LoadedConfig } from '../../platform/config/load-config.js';
import type { TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { accessCatalog, type CatalogAccess } from '../../catalog/catalog-access.js';
import { CommandLineModule } from './command-line.module.js';

export interface SessionOptions {
  readonly schema: TenantSchema;
  readonly redis: boolean;
  /** Where the log goes; undefined: nowhere. */
  readonly logTo: NodeJS.WritableStream | undefined;
}

const ATTEMPTS = 3;

/**
 * The control plane as the server composes it, in this process and without HTTP. It looks for no work: it does the
 * operations that it is asked for and no other.
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
      // The command whose PostgreSQL it was ended between our finding it and our being connected.
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

  /** What is worked on here is put down after the part it is at, for whoever takes it up. */
  async pause(): Promise<void> {
    await this.nest.get(OperationRunner).beforeApplicationShutdown();
  }

  async close(): Promise<void> {
    try {
      await this.nest.close();
    } finally {
      await this.access.close();
    }
  }
}

async function compose(
  loaded: LoadedConfig,
  { schema, redis, logTo }: SessionOptions,
): Promise<INestApplicationContext> {
  const { config } = loaded;
  const cache = { ...config.cache, redisEnabled: redis && config.cache.redisEnabled };
  const ours = { ...loaded, config: { ...config, cache } };
  return NestFactory.createApplicationContext(CommandLineModule.register(ours, schema), {
    logger: logTo ? await logOf(loaded, logTo) : false,
    abortOnError: false,
  });
}

/** Loaded only when it is asked for. */
async function logOf({ config }: LoadedConfig, logTo: NodeJS.WritableStream) {
  const [{ createLog }, { NestLog }] = await Promise.all([
    import('../../logging/log.js'),
    import('../../logging/nest-log.js'),
  ]);
  return new NestLog(createLog(config, logTo));
}
