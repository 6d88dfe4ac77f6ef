import type { Exceeded, RequestLimits } from './request-limits.js';

export const DAY_MS = 86_400_000;
const SECOND_MS = 1000;

/** The field `RateLimit-Policy`. Source of both fields: draft-ietf-httpapi-ratelimit-headers-11. */
export function policyOf({ requestsPerSecond, requestsPerDay }: RequestLimits): string {
  const policies = [];
  if (requestsPerSecond !== undefined) policies.push(`"second";q=${requestsPerSecond};w=1`);
  if (requestsPerDay !== undefined) policies.push(`"day";q=${requestsPerDay};w=${DAY_MS / SECOND_MS}`);
  return policies.join(', ');
}

/** The field `RateLimit`: what remains, and the seconds until there is more. */
export function remainingOf(
  { requestsPerSecond, requestsPerDay }: RequestLimits,
  { second, day }: { readonly second: number; readonly day: number },
  wallMs: number,
): string {
  const ofSecond = requestsPerSecond === undefined ? '' : `"second";r=${second};t=1`;
  if (requestsPerDay === undefined) return ofSecond;
  return `${ofSecond === '' ? '' : `${ofSecond}, `}"day";r=${day};t=${secondsLeftOfDay(wallMs)}`;
}

/** When a refused request may be tried again. */
export function retryAfterSeconds(exceeded: Exceeded, wallMs: number): number {
  return exceeded === 'second' ? 1 : secondsLeftOfDay(wallMs);
}

/** Days begin at midnight UTC. At least 1. */
function secondsLeftOfDay(wallMs: number): number {
  return Math.ceil((DAY_MS - (wallMs % DAY_MS)) / SECOND_MS);
}
