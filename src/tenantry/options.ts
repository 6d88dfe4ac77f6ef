import type { DynamicModule, FactoryProvider, Type } from '@nestjs/common';
import type { TypeormOptions } from '../database/table-migrations/tenant-schema/typeorm-options.js';
import type { MessageResolver } from '../tenant/identification/message-resolver.js';
import type { TenantResolver } from '../tenant/identification/tenant-resolver.js';

/** What decides which controllers, guards and providers there are. */
export interface TenantryStructure {
  /**
   * `explicit`: only routes under `@TenantScoped()` and `@ControlPlane()` are guarded, and nothing runs on others. `global`:
   * every route is a tenant's unless it says `@Public()` or `@ControlPlane()`. Default: `explicit`.
   */
  readonly guard?: 'explicit' | 'global';
  /** Decides which tenant a request works for. Default: API keys and JSON Web Tokens, as configured. */
  readonly resolver?: Type<TenantResolver>;
  /** Whether the resolver runs behind the application's own guards, which have put a user on the request. Default: false. */
  readonly resolveAfterGuards?: boolean;
  /** Decides which tenant a microservice's message works for. Without it, the handlers of messages must be `@Public()`. */
  readonly messageResolver?: Type<MessageResolver>;
  /** Modules that export what the resolvers need. */
  readonly imports?: DynamicModule['imports'];
  /** Whether to serve the admin REST API under `/admin/v1`, and to run operations in the background. Default: false. */
  readonly controlPlane?: boolean;
  /** Whether to serve the probes under `/health`. Default: false. */
  readonly health?: boolean;
  /** Whether to serve `/metrics` for Prometheus. Default: false. */
  readonly metrics?: boolean;
  /** Options of TypeORM for all tenants' data sources: naming strategy, isolation level and the like. */
  readonly typeorm?: TypeormOptions;
}

/** What `forRootAsync` may compute at the start. */
export interface TenantrySettings {
  /** Variables to read instead of `process.env` and the file `.env` in the working directory. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface TenantryOptions extends TenantryStructure, TenantrySettings {}

export interface TenantryAsyncOptions extends TenantryStructure {
  readonly inject?: FactoryProvider['inject'];
  /** Receives the injected providers. */
  readonly useFactory: (...dependencies: never[]) => TenantrySettings | Promise<TenantrySettings>;
}

/** Injection token of `TenantrySettings`. */
export const TENANTRY_SETTINGS = Symbol.for('tenantry/settings');
