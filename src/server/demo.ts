import type { Isolation } from '../catalog/model/tenant.js';

/** A tenant for trying things out, and the key that opens it. */
export interface DemoTenant {
  readonly slug: string;
  readonly isolation: Isolation;
  readonly apiKey: string;
}

/** Demo tenants, where the application was composed with some (`ENABLE_DEMO_TENANTS`). */
export interface Demo {
  /** A path that answers for each of them, for the command that the start prints. */
  readonly examplePath: string;
  /** Creates the missing ones; keys from an earlier start stay valid. */
  ensure(): Promise<readonly DemoTenant[]>;
  /** Tells people and scripts on this machine how to call them. */
  publish(url: string, tenants: readonly DemoTenant[]): Promise<void>;
}

/** Injection token of the application's `Demo`. */
export const DEMO = Symbol('DEMO');
