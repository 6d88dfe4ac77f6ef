import { setTimeout as delay } from 'node:timers/promises';

/** The responses at one moment: status and code. */
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
  ["tenant on the catalog's server", 'tenant on another server', 'recovered after'],
].flat();
const MAX_MS = 30_000;

/** Collects the effect of each fault and prints it as a Markdown table. */
export class FaultTable {
  private readonly rows: string[][] = [];

  add(fault: string, { live, health, ready, near, far }: Seen): void {
    this.rows.push([fault, live, health, ready, near, far, '']);
  }

  /** Records how long after the end of the last fault everything had recovered. */
  recovered(ms: number): void {
    this.rows.at(-1)?.splice(-1, 1, `${(ms / 1000).toFixed(1)} s`);
  }

  /** Repeats the assertion until it holds. @returns how long that took, in ms */
  async until(assertion: () => Promise<void>): Promise<number> {
    const startedAt = performance.now();
    for (;;) {
      try {
        await assertion();
        return performance.now() - startedAt;
      } catch (error) {
        if (performance.now() - startedAt > MAX_MS) throw error;
        await delay(50);
      }
    }
  }

  print(): void {
    const lines = [HEADINGS, HEADINGS.map(() => '---'), ...this.rows].map((cells) => `| ${cells.join(' | ')} |`);
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}
