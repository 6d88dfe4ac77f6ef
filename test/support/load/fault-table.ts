import { setTimeout as delay } from 'node:timers/promises';

/** What callers get at one moment: status, and what the answer says. */
export interface Seen {
  readonly live: string;
  readonly health: string;
  readonly ready: string;
  /** A tenant on the catalog's server. */
  readonly near: string;
  /** A tenant on another server. */
  readonly far: string;
}

const HEADINGS = [
  ['fault', '/health/live', '/health', '/health/ready'],
  ["tenant on the catalog's server", 'tenant on another server', 'well again after'],
].flat();
const LONGEST_MS = 30_000;

/** Collects what each fault does, for people: printed as a Markdown table. */
export class FaultTable {
  private readonly rows: string[][] = [];

  add(fault: string, { live, health, ready, near, far }: Seen): void {
    this.rows.push([fault, live, health, ready, near, far, '']);
  }

  /** How long after the end of the last fault all was well. */
  recovered(ms: number): void {
    this.rows.at(-1)?.splice(-1, 1, `${(ms / 1000).toFixed(1)} s`);
  }

  /** Asserts until it holds; how long that took, in ms. */
  async until(assertion: () => Promise<void>): Promise<number> {
    const began = performance.now();
    for (;;) {
      try {
        await assertion();
        return performance.now() - began;
      } catch (error) {
        if (performance.now() - began > LONGEST_MS) throw error;
        await delay(50);
      }
    }
  }

  print(): void {
    const lines = [HEADINGS, HEADINGS.map(() => '---'), ...this.rows].map((cells) => `| ${cells.join(' | ')} |`);
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}
