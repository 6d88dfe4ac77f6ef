import { isIPv6 } from 'node:net';
import { setNewest } from '../../platform/bounded-map.js';

/** Failures of an address that have no consequence: typing errors. */
const FREE_FAILURES = 10;
/** Repeats of one attempt within a minute that are a failure, where they count: more than a client with a wrong setting makes. */
const FREE_REPEATS = 100;
const REPEATS_MS = 60_000;
const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 60_000;
/**
 * How long an address is open after a back-off, whatever fails meanwhile: a caller with the right key who waited as long as
 * `Retry-After` said must not find it closed again by others.
 */
const OPEN_MS = 2_000;
/** Failures are forgotten this long after the last one. */
const MEMORY_MS = 15 * 60_000;
/** The address that failed longest ago is forgotten for a further one. */
const MAX_ADDRESSES = 10_000;

interface Failures {
  count: number;
  lastAttempt: string | undefined;
  /** Of the last attempt, in the minute that began then. */
  repeats: number;
  repeatsFromMs: number;
  lastAtMs: number;
  /** The current or last back-off. */
  closedFromMs: number;
  closedUntilMs: number;
}

/**
 * Slows down failing attempts per address: after ten failures the address is closed for a second, and for twice as long
 * each time it fails after that, up to a minute. Memory is bounded. An IPv6 address counts as its /64 network, which
 * one host usually has to itself.
 */
export class AddressBackoff {
  private readonly addresses = new Map<string, Failures>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Ms until attempts from the address are open again; 0 when they are. */
  remainingMs(address: string): number {
    const failures = this.addresses.get(networkOf(address));
    const now = this.now();
    return failures && failures.closedFromMs <= now ? Math.max(0, failures.closedUntilMs - now) : 0;
  }

  /**
   * @param attempt what was tried: the same again is no further failure, but a client with a wrong setting
   * @param countsRepeats whether each hundred repeats within a minute are one
   * @returns whether a back-off begins
   */
  failed(address: string, attempt: string, countsRepeats = false): boolean {
    const network = networkOf(address);
    const now = this.now();
    const failures = this.failuresOf(network, now);
    if (failures.lastAttempt === attempt && !(countsRepeats && isFlood(failures, now))) return false;
    failures.lastAttempt = attempt;
    failures.repeats = 0;
    failures.repeatsFromMs = now;
    failures.count += 1;
    failures.lastAtMs = now;
    setNewest(this.addresses, network, failures, MAX_ADDRESSES);
    if (failures.count < FREE_FAILURES || failures.closedUntilMs > now) return false;
    close(failures, now);
    return true;
  }

  private failuresOf(network: string, now: number): Failures {
    const known = this.addresses.get(network);
    if (known && now - known.lastAtMs < MEMORY_MS) return known;
    const repeats = { repeats: 0, repeatsFromMs: now };
    return { count: 0, lastAttempt: undefined, ...repeats, lastAtMs: now, closedFromMs: 0, closedUntilMs: -Infinity };
  }
}

/** Counts a repeat of the last attempt. */
function isFlood(failures: Failures, now: number): boolean {
  if (now - failures.repeatsFromMs >= REPEATS_MS) {
    failures.repeats = 0;
    failures.repeatsFromMs = now;
  }
  failures.repeats += 1;
  return failures.repeats >= FREE_REPEATS;
}

function close(failures: Failures, now: number): void {
  const last = failures.closedUntilMs - failures.closedFromMs;
  const backoffMs = Number.isFinite(last) ? Math.min(2 * last, MAX_BACKOFF_MS) : FIRST_BACKOFF_MS;
  failures.closedFromMs = Math.max(now, failures.closedUntilMs + OPEN_MS);
  failures.closedUntilMs = failures.closedFromMs + backoffMs;
}

/** The first four groups of an IPv6 address; any other text as it is. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail === undefined) return groups.slice(0, 4).join(':');
  const end = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - end.length) }, () => '0');
  return [...groups, ...zeros, ...end].slice(0, 4).join(':');
}
