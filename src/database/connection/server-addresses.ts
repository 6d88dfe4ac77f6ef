import { setMaxListeners } from 'node:events';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { addressText, type HostAndPort } from '../../platform/postgres/database-url.js';
import { ReadOnlyServerError } from './connection.errors.js';

/** How long after an address has accepted writes connections are opened to it without asking again. */
const TRUST_MS = 1_000;
/** How long the address that was the primary last is asked alone. */
const HEAD_START_MS = 250;
/** How long further addresses are waited for once one has refused the login, which may be right or wrong there. */
const PATIENCE_MS = 1_000;
/** Pause before an address that does not accept writes is asked again, while another one is silent. */
const REPEAT_MS = 250;

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
  /** The server there is up, and refuses this login. Whether it accepts others, and writes, is unknown. */
  | { readonly kind: 'login-refused'; readonly address: HostAndPort }
  /**
   * The server there is up, and refuses writes of this login: `default_transaction_read_only` may be on for its role or database alone.
   * Whether it accepts writes of others is unknown.
   */
  | { readonly kind: 'writes-refused'; readonly address: HostAndPort; readonly error: ReadOnlyServerError }
  | { readonly kind: 'none'; readonly error: unknown };

/**
 * The addresses of one server, of which one accepts writes. It is found by logging in at each: at the last known one first, and
 * a moment later at all others at the same time, so that an address that does not answer delays nothing. Connections that are opened
 * at the same time share one search; those of another login do where what it has found is true of them, too.
 */
export class ServerAddresses {
  private static readonly known = new Map<string, ServerAddresses>();
  private readonly logger = new Logger('ConnectionPools');
  /** The one that accepted writes last. */
  private current: HostAndPort | undefined;
  private confirmedAt = -Infinity;
  private running: Promise<Outcome> | undefined;
  /** Those under way, by their logins. */
  private readonly searches = new Map<string, Promise<Outcome>>();

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
   * @param login tells logins apart that a server may answer differently
   * @param isSecondAttempt whether the address that accepted writes a moment ago has just failed for this connection: it is asked again, too
   * @throws ReadOnlyServerError, or the error of connecting, when none accepts writes
   */
  async find(scout: Scout, login: string, isSecondAttempt = false): Promise<HostAndPort> {
    const { current } = this;
    if (current && !isSecondAttempt && this.now() - this.confirmedAt < TRUST_MS) return current;
    const outcome = await this.outcomeFor(login, scout);
    if ('error' in outcome) throw outcome.error;
    return outcome.address;
  }

  /** The address has failed or refused writes: the next connection asks first. */
  doubt(address: HostAndPort): void {
    if (address === this.current) this.confirmedAt = -Infinity;
  }

  private async outcomeFor(login: string, scout: Scout): Promise<Outcome> {
    const own = this.searches.get(login);
    if (own) return own;
    const shared = this.running && (await this.running);
    if (shared && !isOfLogin(shared)) return shared;
    return this.searches.get(login) ?? this.searchFor(login, scout);
  }

  private async searchFor(login: string, scout: Scout): Promise<Outcome> {
    const search = this.search(scout);
    this.searches.set(login, search);
    try {
      return await search;
    } finally {
      this.searches.delete(login);
    }
  }

  private async search(scout: Scout): Promise<Outcome> {
    const running = search(this.inOrder(), scout);
    this.running ??= running;
    const outcome = await running;
    if (this.running === running) this.running = undefined;
    if (outcome.kind === 'found') this.confirm(outcome.address);
    return outcome;
  }

  private confirm(address: HostAndPort): void {
    if (this.current && this.current !== address) {
      this.logger.warn(`The primary of ${this.all.map(addressText).join()} is ${addressText(address)} now`);
    }
    this.current = address;
    this.confirmedAt = this.now();
  }

  private inOrder(): readonly HostAndPort[] {
    const { current } = this;
    return current ? [current, ...this.all.filter((address) => address !== current)] : this.all;
  }
}

type Answer = Outcome & { readonly address: HostAndPort };

/** Never rejects. */
function search(addresses: readonly HostAndPort[], scout: Scout): Promise<Outcome> {
  return new Promise((resolve) => new Search(addresses, scout, resolve).start());
}

class Search {
  /** The latest of each address. */
  private readonly answers = new Map<HostAndPort, Answer>();
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly over = new AbortController();
  private isAskingAll = false;

  constructor(
    private readonly addresses: readonly HostAndPort[],
    private readonly scout: Scout,
    private readonly onSettled: (outcome: Outcome) => void,
  ) {
    setMaxListeners(0, this.over.signal); // one per address
  }

  start(): void {
    void this.ask(this.addresses[0] as HostAndPort);
    this.after(HEAD_START_MS, () => this.askAll());
  }

  private askAll(): void {
    if (this.isAskingAll) return;
    this.isAskingAll = true;
    for (const address of this.addresses.slice(1)) void this.ask(address);
  }

  /** Again, as long as another address is silent: this one may become the primary meanwhile. */
  private async ask(address: HostAndPort): Promise<void> {
    const answer = await answerOf(address, this.scout, this.over.signal);
    if (this.over.signal.aborted) return;
    this.answers.set(address, answer);
    if (answer.kind === 'found') return this.settle(answer);
    this.askAll();
    if (this.answers.size === this.addresses.length) return this.settle(summaryOf([...this.answers.values()]));
    if (isOfLogin(answer)) this.after(PATIENCE_MS, () => this.settle(answer));
    this.after(REPEAT_MS, () => void this.ask(address));
  }

  /** Ends the attempts that are still under way. */
  private settle(outcome: Outcome): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.over.abort();
    this.onSettled(outcome);
  }

  private after(ms: number, work: () => void): void {
    this.timers.push(setTimeout(work, ms));
  }
}

async function answerOf(address: HostAndPort, scout: Scout, signal: AbortSignal): Promise<Answer> {
  try {
    await scout(address, signal);
    return { kind: 'found', address };
  } catch (error) {
    if (isRefusedLogin(error)) return { kind: 'login-refused', address };
    const isReadOnly = error instanceof ReadOnlyServerError && !error.isStandby;
    return isReadOnly ? { kind: 'writes-refused', address, error } : { kind: 'none', address, error };
  }
}

/** Whether it may be another one for another login. */
function isOfLogin({ kind }: Outcome): boolean {
  return kind === 'login-refused' || kind === 'writes-refused';
}

/** Whether a server has answered with an error that is one of this login, or of a limit, and may be another one elsewhere. */
export function isRefusedLogin(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !NOT_READY.test(error.code ?? '');
}

/** A login that was refused is tried again for the error that its caller is to see. A standby's answer says more than silence. */
function summaryOf(answers: readonly Answer[]): Outcome {
  const refused = answers.find(({ kind }) => kind === 'login-refused');
  if (refused) return refused;
  const errors = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []));
  const readOnly = errors.filter((error) => error instanceof ReadOnlyServerError);
  if (readOnly.length === 0) return { kind: 'none', error: errors[0] };
  const addresses = answers.map(({ address }) => addressText(address)).sort();
  const ofLogin = answers.find(({ kind }) => kind === 'writes-refused');
  const error = new ReadOnlyServerError(!ofLogin, addresses);
  return ofLogin ? { kind: 'writes-refused', address: ofLogin.address, error } : { kind: 'none', error };
}
