import type { Check, CatalogContext } from '../diagnosis/check.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';
import type { ServerState } from '../diagnosis/server-state.js';

const NAME = 'clock';
const WARN_MS = 1_000;
const FAIL_MS = 5_000;
const REMEDY = 'synchronise both clocks (NTP): key expiry and operation start times depend on them';

/** Checks that this machine and each server agree on the time. Unreachable servers are reported by the `server` check. */
export const clock: Check<CatalogContext> = { name: NAME, run: ({ servers }) => servers.flatMap(checkClock) };

function checkClock({ server: { name }, facts }: ServerState): Finding[] {
  if (!facts) return [];
  const ahead = facts.clock_ahead_ms;
  const message = `${Math.abs(ahead)} ms ${ahead < 0 ? 'behind' : 'ahead of'} this machine`;
  if (Math.abs(ahead) > FAIL_MS) return [fail(NAME, message, REMEDY, name)];
  if (Math.abs(ahead) > WARN_MS) return [warn(NAME, message, REMEDY, name)];
  return [ok(NAME, message, name)];
}
