import type { Check, Diagnosis } from '../diagnosis/diagnosis.js';
import { fail, type Finding, ok, warn } from '../diagnosis/finding.js';
import type { ServerState } from '../diagnosis/server-state.js';

const NAME = 'clock';
const WARN_MS = 1_000;
const FAIL_MS = 5_000;
const REMEDY = 'synchronise both clocks (NTP): keys expire and operations begin by them';

/** This machine and each server agree on the time. A server that does not answer is another check's. */
export const clock: Check<Diagnosis> = { name: NAME, look: ({ servers }) => servers.flatMap(lookAt) };

function lookAt({ server: { name }, facts }: ServerState): Finding[] {
  if (!facts) return [];
  const ahead = facts.clock_ahead_ms;
  const message = `${Math.abs(ahead)} ms ${ahead < 0 ? 'behind' : 'ahead of'} this machine`;
  if (Math.abs(ahead) > FAIL_MS) return [fail(NAME, message, REMEDY, name)];
  if (Math.abs(ahead) > WARN_MS) return [warn(NAME, message, REMEDY, name)];
  return [ok(NAME, message, name)];
}
