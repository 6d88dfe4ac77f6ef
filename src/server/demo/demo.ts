import type { Isolation } from '../../catalog/model/tenant.js';

/** A demo tenant and an API key for it. */
export interface DemoTenant {
  readonly slug: string;
  readonly isolation: Isolation;
  readonly apiKey: string;
}

/** Provides demo tenants when the application includes them (`ENABLE_DEMO_TENANTS`). */
export interface Demo {
  /** Path of an example request that works for every demo tenant, for the banner. */
  readonly examplePath: string;
  /** Creates missing demo tenants. API keys of an earlier start stay valid. */
  ensure(): Promise<readonly DemoTenant[]>;
  /** Writes the URL and API keys to a file for users and scripts on this machine. */
  publish(url: string, tenants: readonly DemoTenant[]): Promise<void>;
}

/** Injection token of the application's `Demo`. */
export const DEMO = Symbol('DEMO');
