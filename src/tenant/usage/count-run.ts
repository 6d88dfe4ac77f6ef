import { newUsage, type Usage } from '../../database/statements/usage.js';
import type { UsageCounter } from './usage-counter.js';

/** Does work for a tenant, and counts it, with what it used, when it is over. */
export async function countRun<T>(
  counter: UsageCounter,
  tenantId: string,
  work: (usage: Usage) => Promise<T>,
): Promise<T> {
  const usage = newUsage();
  const startedAt = performance.now();
  let failed = true;
  try {
    const result = await work(usage);
    failed = false;
    return result;
  } finally {
    counter.record(tenantId, { kind: 'runs', failed, durationMs: performance.now() - startedAt }, usage);
  }
}
