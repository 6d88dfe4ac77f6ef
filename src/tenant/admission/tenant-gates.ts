import { type Refusal, TenantGate } from './tenant-gate.js';
import { outsideAnyCaller } from '../../platform/outside-any-caller.js';

/** Tells why a tenant is not served; undefined when it is. */
export type TenantJudge = (tenantId: string) => Promise<Refusal | undefined>;

/** Those who lend connections to tenants. */
export interface Lenders {
  tenantsInUse(): Set<string>;
  /** Turns away who waits. */
  refuse(tenantId: string, refusal: Refusal): void;
  /** Takes back what is lent. */
  takeAway(tenantId: string, refusal: Refusal): void;
}

const NOBODY: Lenders = { tenantsInUse: () => new Set(), refuse: () => undefined, takeAway: () => undefined };

/** What a tenant has under way may go on for so long after the change that stops it was heard: well within a second. */
const GRACE_MS = 500;
/** Nobody waits longer for the judge; then what was known is good enough, until the verdict comes. */
const JUDGED_WITHIN_MS = 250;
/** While changes may go unheard, or the judge could not tell, a verdict is looked at again when it is older. */
const LOOK_AGAIN_MS = 250;
const RETRY_MS = 1_000;
/** Tenants whose verdicts are remembered; whoever is forgotten is asked about again. */
const MOST = 10_000;

/**
 * Lets a tenant's statements, transactions and sessions through to connections while the tenant is served, also those of
 * a data source that somebody has held since before.
 *
 * The judge is asked when a tenant comes for the first time and after each change of it that was heard: at once when the
 * tenant has something under way, otherwise when it comes next. When the verdict is no, who waits is turned away at once
 * and what is held is taken back after `GRACE_MS`. When the judge cannot be asked, what was known stays.
 */
export class TenantGates {
  private readonly gates = new Map<string, TenantGate>();
  private readonly changed = new Set<string>();
  private readonly unconfirmed = new Set<string>();
  private judge: TenantJudge | undefined;
  private isDeaf = false;
  private isScheduled = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(private readonly lenders: Lenders = NOBODY) {}

  /** Everybody is let through until there is a judge. */
  appoint(judge: TenantJudge): void {
    this.judge = judge;
  }

  /**
   * On the way of every statement: one look into a map, unless something is in doubt.
   *
   * @returns what to wait for before going through, if anything
   * @throws (or rejects with) the tenant's refusal
   */
  enter(tenantId: string): Promise<void> | undefined {
    const gate = this.gates.get(tenantId);
    if (gate !== undefined && gate.isOpen && !this.isDeaf) return undefined;
    if (!this.judge) return undefined;
    if (!gate?.isSure) return this.enterInDoubt(tenantId, gate ?? this.create(tenantId));
    const isOld = performance.now() - gate.judgedAt > LOOK_AGAIN_MS;
    if (isOld && (this.isDeaf || !gate.isConfirmed)) void this.ask(tenantId, gate);
    gate.assertServed();
    return undefined;
  }

  /** Whether `enter` lets the tenant through at once. */
  isOpen(tenantId: string): boolean {
    return this.judge === undefined || (this.gates.get(tenantId)?.isOpen === true && !this.isDeaf);
  }

  /** For what took long between asking for a connection and having it. @throws the tenant's refusal */
  assertServed(tenantId: string): void {
    this.gates.get(tenantId)?.assertServed();
  }

  /** A tenant has changed. Many may at once: those who have nothing under way here cost nothing. */
  doubt(tenantId: string): void {
    this.gates.get(tenantId)?.doubt();
    this.changed.add(tenantId);
    if (this.isScheduled) return;
    this.isScheduled = true;
    outsideAnyCaller(() => setImmediate(() => this.judgeChanged()));
  }

  /** Any tenant may have changed; from now on changes are heard. */
  doubtAll(): void {
    this.isDeaf = false;
    for (const gate of this.gates.values()) gate.doubt();
    for (const tenantId of this.lenders.tenantsInUse()) this.doubt(tenantId);
  }

  /** Changes may go unheard from now on. */
  deaf(): void {
    this.isDeaf = true;
  }

  close(): void {
    clearTimeout(this.retry);
    this.judge = undefined;
    for (const gate of this.gates.values()) gate.close();
    this.gates.clear();
  }

  private async enterInDoubt(tenantId: string, gate: TenantGate): Promise<void> {
    await gate.judgedWithin(this.ask(tenantId, gate), JUDGED_WITHIN_MS);
    gate.assertServed();
  }

  private judgeChanged(): void {
    this.isScheduled = false;
    const inUse = this.lenders.tenantsInUse();
    for (const tenantId of this.changed) {
      if (inUse.has(tenantId)) void this.ask(tenantId, this.gates.get(tenantId) ?? this.createDoubted(tenantId));
    }
    this.changed.clear();
  }

  /** One question at a time for each tenant. Never rejects. */
  private ask(tenantId: string, gate: TenantGate): Promise<void> {
    return (gate.asking ??= outsideAnyCaller(() => this.settle(tenantId, gate)).finally(() => {
      gate.asking = undefined;
    }));
  }

  private async settle(tenantId: string, gate: TenantGate): Promise<void> {
    while (this.judge) {
      const question = gate.beginQuestion();
      try {
        this.apply(tenantId, gate, await this.judge(tenantId), question);
      } catch {
        // Whoever cannot be asked says so in the log; what was known stays, and nobody waits for the next attempt.
        gate.cannotBeJudged();
        return this.tryAgainLater(tenantId);
      }
      if (gate.isSure) return; // otherwise it has changed again meanwhile
    }
  }

  private apply(tenantId: string, gate: TenantGate, refusal: Refusal | undefined, question: number): void {
    const since = gate.judge(refusal, question);
    if (!refusal) return;
    this.lenders.refuse(tenantId, refusal);
    gate.takeAwayAfter(GRACE_MS, since, (current) => this.lenders.takeAway(tenantId, current));
  }

  private tryAgainLater(tenantId: string): void {
    this.unconfirmed.add(tenantId);
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      for (const id of this.unconfirmed) this.changed.add(id);
      this.unconfirmed.clear();
      this.judgeChanged();
    }, RETRY_MS).unref();
  }

  /** Of one who was not known when their change was heard, a moment ago. */
  private createDoubted(tenantId: string): TenantGate {
    const gate = this.create(tenantId);
    gate.doubt();
    return gate;
  }

  private create(tenantId: string): TenantGate {
    const gate = new TenantGate();
    this.gates.set(tenantId, gate);
    if (this.gates.size > MOST) this.forgetOldest();
    return gate;
  }

  private forgetOldest(): void {
    for (const [tenantId, gate] of this.gates) {
      if (gate.isBusy) continue;
      this.gates.delete(tenantId);
      return;
    }
  }
}
