import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DynamicModule, type INestApplication, type LoggerService, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DataSource, EntityManager } from 'typeorm';
import { ApiKeys } from '../../../src/admin/api-keys/api-keys.js';
import { TenantProvisioner } from '../../../src/admin/tenants/tenant-provisioner.js';
import { TENANTRY_ACTOR } from '../../../src/catalog/audit/actor.js';
import { CATALOG } from '../../../src/catalog/catalog-data-source.js';
import { type Isolation, TenantryModule, type TenantryOptions } from '../../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../postgres/postgres.js';
import { ADMIN_KEY, dropEverything, type TestTenant } from '../test-app.js';
import { NotesModule } from './notes.module.js';

export const ADAPTERS = ['express', 'fastify'] as const;
type Adapter = (typeof ADAPTERS)[number];

export interface HostOptions {
  readonly adapter: Adapter;
  readonly tenantry?: TenantryOptions;
  /** Instead of `TenantryModule.forRoot`. */
  readonly root?: (env: Readonly<Record<string, string>>) => DynamicModule;
  /** The application's own modules, beside the notes. */
  readonly imports?: DynamicModule['imports'];
  readonly providers?: DynamicModule['providers'];
  readonly controllers?: DynamicModule['controllers'];
  /** What its `main.ts` does before it listens. */
  readonly prepare?: (app: INestApplication) => void;
  readonly env?: Readonly<Record<string, string>>;
  readonly database?: TestDatabase;
  readonly logger?: LoggerService | false;
}

/** A NestJS application that uses the package: Express or Fastify, listening on a free port of 127.0.0.1. */
export class HostApplication {
  private constructor(
    readonly nest: INestApplication,
    readonly url: string,
    readonly database: TestDatabase,
    private readonly dataDir: string,
  ) {}

  static async start(options: HostOptions): Promise<HostApplication> {
    const database = options.database ?? (await createTestDatabase('catalog'));
    const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-host-'));
    const env = {
      ...{ NODE_ENV: 'test', DATABASE_URL: database.url, DATA_DIR: dataDir, ADMIN_API_KEY: ADMIN_KEY },
      ...{ ENABLE_REDIS_CACHE: 'false', ...options.env },
    };
    const tenantry = options.root?.(env) ?? TenantryModule.forRoot({ env, controlPlane: true, ...options.tenantry });
    const removeData = (): Promise<void> => rm(dataDir, { recursive: true, force: true });
    const nest = await createApplication(rootOf(tenantry, options), options).catch(async (error: unknown) => {
      await removeData();
      throw error;
    });
    options.prepare?.(nest);
    await nest.listen(0, '127.0.0.1');
    return new HostApplication(nest, (await nest.getUrl()).replace('[::1]', '127.0.0.1'), database, dataDir);
  }

  async provision(slug: string, isolation: Isolation): Promise<TestTenant> {
    const tenant = await this.nest.get(TenantProvisioner, { strict: false }).provision({ slug, isolation });
    const keys = this.nest.get(ApiKeys, { strict: false });
    const issue = (catalog: EntityManager) => keys.issue(catalog, tenant.id, { name: 'test' }, TENANTRY_ACTOR);
    const { token } = await this.nest.get<DataSource>(CATALOG, { strict: false }).transaction(issue);
    return { ...tenant, apiKey: token };
  }

  fetch(
    path: string,
    init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const type: Record<string, string> = init.body === undefined ? {} : { 'content-type': 'application/json' };
    return fetch(this.url + path, { ...init, headers: { ...type, ...init.headers } });
  }

  /** Stops this application only. */
  async stop(): Promise<void> {
    await this.nest.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Stops it, and drops its catalog and every database and role in it. */
  async dispose(): Promise<void> {
    await this.stop();
    await dropEverything(this.database);
  }
}

function rootOf(tenantry: DynamicModule, { imports = [], providers = [], controllers = [] }: HostOptions): Type {
  @Module({ imports: [tenantry, NotesModule, ...imports], providers, controllers })
  class HostModule {}
  return HostModule;
}

function createApplication(root: Type, { adapter, logger = false }: HostOptions): Promise<INestApplication> {
  const options = { logger, abortOnError: false };
  if (adapter === 'express') return NestFactory.create(root, new ExpressAdapter(), options);
  return NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), options);
}
