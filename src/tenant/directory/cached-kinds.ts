import { z } from 'zod';
import type { CacheKind } from '../../cache/contract/cache.js';
import type { ApiKeyRecord } from '../../catalog/model/api-key.js';
import { tenantLimits } from '../../catalog/model/limits.js';
import { ISOLATIONS, type Tenant, TENANT_STATUSES, type TenantRef } from '../../catalog/model/tenant.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';

// The kinds of catalog data that are cached, with the schemas of their values in Redis.

export const TENANT: CacheKind<Tenant> = {
  name: 'tenant',
  schema: z.strictObject({
    id: z.guid(),
    slug: z.string(),
    status: z.enum(TENANT_STATUSES),
    isolation: z.enum(ISOLATIONS),
    targetId: z.guid().nullable(),
    schema: z.string().nullable(),
    schemaVersion: z.string().nullable(),
    migrationSet: z.string().nullable(),
    limits: tenantLimits,
    /** Absent where there are none, for the same reason as `isMoving`. */
    plan: z.string().optional(),
    settings: z.record(z.string(), z.unknown()).optional(),
    features: z.record(z.string(), z.boolean()).optional(),
    /** Absent unless true: instances of former releases share the entries of all other tenants. */
    isMoving: z.literal(true).optional(),
    message: z.string().nullable(),
    version: z.int(),
  }),
};

const ref = z.strictObject({ id: z.guid() });

export const SLUG: CacheKind<TenantRef> = { name: 'slug', schema: ref };

export const DOMAIN: CacheKind<TenantRef> = { name: 'domain', schema: ref };

/** Not named `key`: instances of former releases share those entries, and decide on the expiry by their own clocks. */
export const API_KEY: CacheKind<ApiKeyRecord> = {
  name: 'api-key',
  schema: z.strictObject({
    tenantId: z.guid(),
    secretHash: z.string(),
    isRevoked: z.boolean(),
    isExpired: z.boolean(),
    /** Absent from the tenant's own keys: instances of former releases share the entries of those. */
    impersonatedBy: z.string().optional(),
  }),
};

const hostAndPort = z.strictObject({ host: z.string(), port: z.int() });

const address = hostAndPort.extend({
  furtherAddresses: z.array(hostAndPort).optional(),
  tls: z.enum(['disable', 'require', 'verify-full']),
});

/** Not named `target`: instances of former releases share those entries, and drop the key of the stamps. */
export const TARGET: CacheKind<ConnectionTarget> = {
  name: 'signed-target',
  schema: z.strictObject({
    id: z.guid(),
    version: z.string(),
    shared: z.boolean(),
    server: address.extend({
      id: z.string(),
      maxConnections: z.int().optional(), // of former releases
      aroundPooler: address.extend({ id: z.string().optional() }).optional(), // the id: of former releases
      replicas: z.array(z.object({ host: z.string(), port: z.int() })).optional(),
    }),
    database: z.string(),
    role: z.string(),
    password: z.string(),
    stampKey: z.string().optional(),
  }),
};
