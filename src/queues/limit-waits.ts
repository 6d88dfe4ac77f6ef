/** How often a job has waited because of its tenant's limit of jobs, in its data: no queue counts that apart. */
export const LIMIT_WAITS_PROPERTY = 'tenantLimitWaits';

/** A count that this package has written into a job's data; 0 where there is none. */
export function countIn(data: unknown, property: string): number {
  const count = (data as Readonly<Record<string, unknown>> | null)?.[property];
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 0;
}

export function limitWaitsIn(data: unknown): number {
  return countIn(data, LIMIT_WAITS_PROPERTY);
}
