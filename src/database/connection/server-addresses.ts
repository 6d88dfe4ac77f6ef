import pg from 'pg';
import { addressText, type HostAndPort } from '../../platform/postgres/database-url.js';
import { ReadOnlyServerError } from './connection.errors.js';

/** How long after an address has accepted writes connections are opened to it without asking again. */
const TRUST_MS = 1_000;
/** How long the address that was the primary last is asked alone. */
const HEAD_START_MS = 250;
/** How long further addresses are waited for once one has refused the login, which may be right or wrong there. */
const PATIENCE_MS = 1_000;

/** States of a server that is starting, stopping or a standby that answers no reads; it refuses every login. */
const NOT_READY = /^57P0[1-3]$/;

/**
 * Logs in at an address, and closes that connection. Resolves when the server there accepts writes.
 *
 * @throws ReadOnlyServerError, or the error of connecting
 */
export type Scout = (address: HostAndPort, signal: AbortSignal) => Promise<void>;

/** What a search has found. */
type Outcome =
  | { readonly kind: 'found'; readonly address: HostAndPort }
  /** The server there is up, and refuses this login. Whether it accepts writes is unknown. */
  | { readonly kind: 'refused'; readonly address: HostAndPort }
  | { readonly kind: 'none'; readonly error: unknown };

/**
 * The addresses of one server, of which one accepts writes. It is found by logging in at each: at the last known one first, and
 * a moment later at all others at the same time, so that an address that does not answer delays nothing. Connections that are opened
 * at the same time share one search.
 */
export class ServerAddresses {
  private static readonly known = new Map<string, ServerAddresses>();
  /** The one that accepted writes last. */
  private current: HostAndPort | undefined;
  private confirmedAt = -Infinity;
  private running: Promise<Outcome> | undefined;

  constructor(
    private readonly all: readonly HostAndPort[],
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The same object for the same addresses: all connections of this process share what is known of them. */
  static of(addresses: readonly HostAndPort[]): ServerAddresses {
    const key = addresses.map(addressText).join();
    let known = this.known.get(key);
    if (!known) this.known.set(key, (known = new ServerAddresses(addresses)));
    return known;
  }

  /**
   * The address to connect to.
   *
   * @throws ReadOnlyServerError, or the error of connecting, when none accepts writes
   */
  async find(scout: Scout): Promise<HostAndPort> {
    const { current } = this;
    if (current && this.now() - this.confirmedAt < TRUST_MS) return current;
    const shared = this.running && (await this.running);
    const outcome = shared && shared.kind !== 'refused' ? shared : await this.search(scout);
    if (outcome.kind === 'none') throw outcome.error;
    return outcome.address;
  }

  /** The address has failed or refused writes: the next connection asks first. */
  doubt(address: HostAndPort): void {
    if (address === this.current) this.confirmedAt = -Infinity;
  }

  private async search(scout: Scout): Promise<Outcome> {
    const running = search(this.inOrder(), scout);
    this.running ??= running;
    const outcome = await running;
    if (this.running === running) this.running = undefined;
    if (outcome.kind === 'found') {
      this.current = outcome.address;
      this.confirmedAt = this.now();
    }
    return outcome;
  }

  private inOrder(): readonly HostAndPort[] {
    const { current } = this;
    return current ? [current, ...this.all.filter((address) => address !== current)] : this.all;
  }
}

type Answer = Outcome & { readonly address: HostAndPort };

/** Never rejects. Ends the attempts that are still under way. */
async function search([first, ...others]: readonly HostAndPort[], scout: Scout): Promise<Outcome> {
  const over = new AbortController();
  const ask = (address: HostAndPort): Promise<Answer> => answerOf(address, scout, over.signal);
  try {
    const ofFirst = ask(first as HostAndPort);
    const early = await within(ofFirst, HEAD_START_MS);
    return early?.kind === 'found' ? early : await bestOf([ofFirst, ...others.map(ask)]);
  } finally {
    over.abort();
  }
}

async function answerOf(address: HostAndPort, scout: Scout, signal: AbortSignal): Promise<Answer> {
  try {
    await scout(address, signal);
    return { kind: 'found', address };
  } catch (error) {
    return isRefusedLogin(error) ? { kind: 'refused', address } : { kind: 'none', address, error };
  }
}

/** Whether a server has answered with an error that is one of this login, or of a limit, and may be another one elsewhere. */
export function isRefusedLogin(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !NOT_READY.test(error.code ?? '');
}

/** The first answer that accepts writes; without one, the best of all. */
function bestOf(asked: readonly Promise<Answer>[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const answers: Answer[] = [];
    let patience: NodeJS.Timeout | undefined;
    const settle = (outcome: Outcome): void => {
      clearTimeout(patience);
      resolve(outcome);
    };
    for (const answer of asked) {
      void answer.then((given) => {
        answers.push(given);
        if (given.kind === 'found') settle(given);
        else if (answers.length === asked.length) settle(summaryOf(answers));
        else if (given.kind === 'refused') patience ??= setTimeout(() => settle(given), PATIENCE_MS);
      });
    }
  });
}

/** A login that was refused is tried again for the error that its caller is to see. A standby's answer says more than silence. */
function summaryOf(answers: readonly Answer[]): Outcome {
  const refused = answers.find(({ kind }) => kind === 'refused');
  if (refused) return refused;
  const errors = answers.flatMap((answer) => (answer.kind === 'none' ? [answer.error] : []));
  const readOnly = errors.filter((error) => error instanceof ReadOnlyServerError);
  if (readOnly.length === 0) return { kind: 'none', error: errors[0] };
  const isStandby = readOnly.every((error) => error.isStandby);
  const addresses = answers.map(({ address }) => addressText(address)).sort();
  return { kind: 'none', error: new ReadOnlyServerError(isStandby, addresses) };
}

/** @returns undefined when it takes longer */
async function within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, ms, undefined)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
