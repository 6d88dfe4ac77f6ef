/** What producers and workers of BullMQ import from `tenantry/bullmq`. Its peer is `bullmq`. */
export type { DroppedJob } from './queues/bullmq/run-bullmq-job.js';
export { type BullmqProcessor, TenantJob, tenantProcessor } from './queues/bullmq/tenant-processor.js';
export { type BullmqQueue, type NewTenantJob, TenantQueue } from './queues/bullmq/tenant-queue.js';
