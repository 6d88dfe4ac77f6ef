/** What producers and workers of pg-boss import from `tenantry/pg-boss`. Its peer is `pg-boss`. */
export type { PgBossJob, PgBossLike } from './queues/pg-boss/boss.js';
export { TenantBoss, type TenantWorkOptions } from './queues/pg-boss/tenant-boss.js';
