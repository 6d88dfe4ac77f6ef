import { runWithoutContext } from '../../platform/run-without-context.js';

/** Refusals of one tenant that are passed on at once. */
const BURST = 100;
/** Afterwards, this many per second are passed on. */
const PER_SECOND = 100;
/** Refusals of one tenant that may be under way; further ones are passed on at once. */
const MAX_HELD = 2_000;
const TICK_MS = 50;

/** One tenant's refusals. */
interface Paced {
  left: number;
  readonly held: (() => void)[];
}

/**
 * Passes refusals on at a bounded rate. Clients that send their next request as soon as the last one was refused would
 * otherwise keep the process busy with refusals, and every other tenant would wait for those.
 */
export class PacedRefusals {
  private readonly tenants = new Map<string, Paced>();
  private timer: NodeJS.Timeout | undefined;

  refuse(tenantId: string, pass: () => void): void {
    let paced = this.tenants.get(tenantId);
    if (!paced) this.tenants.set(tenantId, (paced = { left: BURST, held: [] }));
    this.timer ??= runWithoutContext(() => setInterval(() => this.tick(), TICK_MS).unref());
    if (paced.left >= 1 || paced.held.length >= MAX_HELD) {
      paced.left -= 1;
      pass();
    } else paced.held.push(pass);
  }

  /** Passes all of them on. */
  end(): void {
    for (const { held } of this.tenants.values()) for (const pass of held.splice(0)) pass();
    this.tenants.clear();
    this.stop();
  }

  private tick(): void {
    for (const [tenantId, paced] of this.tenants) {
      paced.left = Math.min(BURST, Math.max(0, paced.left) + (PER_SECOND * TICK_MS) / 1_000);
      const due = paced.held.splice(0, Math.floor(paced.left));
      paced.left -= due.length;
      for (const pass of due) pass();
      if (paced.left >= BURST) this.tenants.delete(tenantId);
    }
    if (this.tenants.size === 0) this.stop();
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
