import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeIf } from '../../support/describe-if.js';
import { BusyProcess } from '../../support/faults/busy-process.js';
import { RemotePostgres } from '../../support/faults/remote-postgres.js';
import { SplitNetwork } from '../../support/faults/split-network.js';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';

/** Connections of one process. */
const LIMIT = 20;
/** Within which the keepalive settings end the backends of a client that has vanished. */
const BOUND_MS = 15_000;
const SAMPLE_MS = 200;
const PARTITION_MS = 30_000;
/** The process gives up its connections before the server does. */
const SHORT_PARTITION_MS = 12_000;
const STATEMENT_TIMEOUT_MS = 4_000;
/** One of four takes long, so that some are always cut off. */
const TEXTS = Array.from({ length: 2 * LIMIT }, (_, n) => `SELECT pg_sleep(${n % 4 === 0 ? 3 : 0.05})`);

interface Outcome {
  readonly most: number;
  readonly excessMs: number;
  /** Backends of before that were still there when packets arrived again. */
  readonly left: number;
  readonly failed: number;
  readonly servedAfterMs: number;
}

const network = await SplitNetwork.create();

describeIf(
  network !== undefined,
  'network namespaces, which only root may make',
  'packets are dropped silently',
  () => {
    const { client } = network as SplitNetwork;
    let postgres: RemotePostgres;
    let busy: BusyProcess;

    beforeAll(async () => {
      postgres = await RemotePostgres.start(network as SplitNetwork);
      busy = BusyProcess.start({
        ...{ target: postgres.target, limit: LIMIT, statementTimeoutMs: STATEMENT_TIMEOUT_MS, texts: TEXTS },
        command: (program, args) => client.command(program, args),
      });
    });

    afterAll(async () => {
      await busy?.kill();
      await postgres?.stop();
      await network?.end();
    });

    const servesAgain = async (): Promise<void> => {
      const goal = busy.counts.served + 2 * LIMIT;
      await soon(async () => expect(busy.counts.served).toBeGreaterThan(goal));
    };

    /** Drops all packets for that time, and watches until some time after the healing. */
    const partition = async (ms: number): Promise<Outcome> => {
      await servesAgain();
      const watch = new BackendWatch(postgres);
      const before = await postgres.backends();
      const { failed } = busy.counts;
      network?.cut();
      await delay(ms);
      const atHealing = await postgres.backends();
      network?.heal();
      const healedAt = performance.now();
      await servesAgain();
      const servedAfterMs = performance.now() - healedAt;
      await delay(BOUND_MS);
      const { most, excessMs } = await watch.end();
      const left = before.filter((pid) => atHealing.includes(pid)).length;
      return { most, excessMs, left, failed: busy.counts.failed - failed, servedAfterMs };
    };

    it('for longer than the keepalive settings allow: no backend of before is left when they arrive again', async () => {
      const { most, excessMs, left, failed, servedAfterMs } = await partition(PARTITION_MS);
      expect(left).toBe(0);
      expect(failed).toBeGreaterThan(0);
      expect(excessMs).toBe(0); // of the limit, not even for the moment after the healing
      printFaultRow({
        fault: `packets between a process and PostgreSQL are dropped silently for ${PARTITION_MS / 1000} s`,
        callers: `${failed} statements of ${2 * LIMIT} callers failed; served again ${seconds(servedAfterMs)} after the healing`,
        probes: 'not measured: a pool alone',
        operators: `at most ${most} backends, the limit being ${LIMIT}; those of before had ended when packets arrived again`,
        lasts: `as long as the partition, and ${seconds(servedAfterMs)}`,
      });
    });

    it('for a short time: more backends than the limit are there for no longer than the settings allow', async () => {
      const { excessMs } = await partition(SHORT_PARTITION_MS);
      expect(excessMs).toBeLessThanOrEqual(BOUND_MS);
      expect((await postgres.backends()).length).toBeLessThanOrEqual(LIMIT);
    });
  },
);

/** Counts the backends all the time, against the limit. */
class BackendWatch {
  private most = 0;
  private excessMs = 0;
  private excessSince: number | undefined;
  private isOver = false;
  private readonly watching: Promise<void>;

  constructor(private readonly postgres: RemotePostgres) {
    this.watching = this.watch();
  }

  /** @returns the highest number, and the longest time that it was above the limit, in ms */
  async end(): Promise<{ readonly most: number; readonly excessMs: number }> {
    this.isOver = true;
    await this.watching;
    return { most: this.most, excessMs: this.excessMs };
  }

  private async watch(): Promise<void> {
    while (!this.isOver) {
      this.record((await this.postgres.backends()).length, performance.now());
      await delay(SAMPLE_MS);
    }
  }

  private record(count: number, now: number): void {
    this.most = Math.max(this.most, count);
    if (count <= LIMIT) this.excessSince = undefined;
    else this.excessMs = Math.max(this.excessMs, now - (this.excessSince ??= now));
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
