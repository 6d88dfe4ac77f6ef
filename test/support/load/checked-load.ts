import { setTimeout as delay } from 'node:timers/promises';
import type { AcknowledgedRows } from './acknowledged-rows.js';

/** The answers of one phase, by status, and how many came from which instance. */
export interface PhaseReport {
  readonly phase: string;
  readonly statuses: Record<string, number>;
  readonly answersOf: Record<string, number>;
}

/**
 * Several callers that list, read and insert rows of several tenants through several instances until stopped. Instances
 * come and go as behind a load balancer that drains them. Every answer is compared with what was acknowledged before.
 */
export class CheckedLoad {
  readonly phases: PhaseReport[] = [];
  /** Answers other than 200 and 201, and answers that lack rows. */
  readonly faults: string[] = [];
  private readonly underway: Record<string, number> = {};
  private readonly callers: Promise<void>[];
  private stopped = false;
  private sent = 0;

  /**
   * @param instances URLs by name
   * @param tenants already filled
   */
  constructor(
    private readonly instances: Map<string, string>,
    private readonly tenants: AcknowledgedRows[],
    callers = 6,
  ) {
    this.enterPhase('start');
    this.callers = Array.from({ length: callers }, () => this.callUntilStopped());
  }

  /** Counts from here on under another name, and waits until every instance has answered `answers` requests in it. */
  async phase(name: string, answers = 400): Promise<void> {
    const { answersOf } = this.enterPhase(name);
    while ([...this.instances.keys()].some((instance) => (answersOf[instance] ?? 0) < answers)) await this.pause();
  }

  /** The instance gets requests from now on. */
  enter(name: string, url: string): void {
    this.instances.set(name, url);
  }

  /** The instance gets no requests any more. Resolves when those underway are answered. */
  async leave(name: string): Promise<void> {
    this.instances.delete(name);
    while ((this.underway[name] ?? 0) > 0) await this.pause();
  }

  addTenant(tenant: AcknowledgedRows): void {
    this.tenants.push(tenant);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.callers);
  }

  private enterPhase(phase: string): PhaseReport {
    const report = { phase, statuses: {}, answersOf: {} };
    this.phases.push(report);
    return report;
  }

  /** Between two looks at counters that only the callers change. @throws when the load was stopped or has failed */
  private async pause(): Promise<void> {
    if (this.stopped || this.faults.length > 100) throw new Error(this.faults.slice(0, 10).join('\n'));
    await delay(20);
  }

  private async callUntilStopped(): Promise<void> {
    while (!this.stopped) await this.sendNext();
  }

  /** Each kind of request goes to each tenant through each instance. */
  private async sendNext(): Promise<void> {
    const n = (this.sent += 1);
    const [tenant, round] = turn(this.tenants, n);
    const [request, next] = turn(tenant.requests, round);
    const [[name, url]] = turn([...this.instances], next);
    add(this.underway, name);
    const at = this.phases.at(-1)!;
    try {
      const { answer, missing } = await request(url);
      add(at.statuses, answer.status);
      add(at.answersOf, name);
      const isGood = answer.status === 200 || answer.status === 201;
      if (!isGood || missing !== undefined) {
        const fault = missing ?? JSON.stringify(answer.body);
        this.faults.push(
          `${at.phase}, ${name}, ${tenant.slug}, request ${round % tenant.requests.length}: ${answer.status} ${fault}`,
        );
      }
    } catch (error) {
      add(at.statuses, 'none');
      this.faults.push(`${at.phase}, ${name}, ${tenant.slug}: ${String(error)}`);
    } finally {
      add(this.underway, name, -1);
    }
  }
}

/** The n-th of the items in turn, and the number of the round. */
function turn<T>(items: readonly T[], n: number): [T, number] {
  const item = items[n % items.length];
  if (item === undefined) throw new Error('nothing to choose from');
  return [item, Math.floor(n / items.length)];
}

function add(counts: Record<string, number>, key: string | number, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by;
}
