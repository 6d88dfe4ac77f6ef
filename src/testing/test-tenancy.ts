import type { INestApplication } from '@nestjs/common';
import type { Isolation } from '../catalog/model/tenant.js';
import type { WithTenantOptions } from './with-tenant.js';

/** A tenant that a test creates. */
export interface NewTestTenant<Slug extends string = string> {
  readonly slug: Slug;
  /** Default: `row`. */
  readonly isolation?: Isolation;
}

/** A tenant of a test. */
export interface TestTenant {
  readonly slug: string;
  readonly id: string;
  readonly isolation: Isolation;
  /** Sent as `Authorization: Bearer …`; of no use where the application's resolver identifies callers. */
  readonly apiKey: string;
}

/** An application with tenants on a real PostgreSQL, made by `startTestTenancy`. */
export interface TestTenancy<Slug extends string = string> {
  readonly app: INestApplication;
  /** Where the application listens, such as `http://127.0.0.1:49152`. */
  readonly url: string;
  /** The tenants that `startTestTenancy` was asked for, by slug. After `reset` one may have another id or key. */
  readonly tenants: Readonly<Record<Slug, TestTenant>>;
  /** One more tenant, until the next `reset`. Resolves when the application serves it. */
  createTenant(tenant: string | NewTestTenant): Promise<TestTenant>;
  /** Runs `work` in a tenant's context, as the function `withTenant` does. */
  withTenant<T>(slug: string, work: () => T | Promise<T>, options?: WithTenantOptions): Promise<T>;
  /**
   * The tenants as they were at the start: no rows, active, each with a valid key. Other tenants are gone. Between tests,
   * so that each begins with a fresh set; quick when a test has only written rows.
   */
  reset(): Promise<void>;
  /** Closes the application and drops its databases. May be called again. */
  stop(): Promise<void>;
  /** `stop`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
