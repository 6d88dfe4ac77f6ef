import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { POOL_OPTIONS } from '../pool/test-pool.js';

const BUILT = new URL('../../../dist/database/', import.meta.url);
const SAMPLE_MS = 200;

/** Runs each text again and again, and prints the counts. */
const SCRIPT = `
  const { ServerBudget } = await import('${BUILT.href}budget/server-budget.js');
  const { TargetPool } = await import('${BUILT.href}pool/target-pool.js');
  const { target, options, texts } = JSON.parse(process.env.BUSY);
  const pool = new TargetPool({ target, options, budget: new ServerBudget(options.size) });
  const share = { maxConcurrent: options.size, maxQueued: texts.length };
  const counts = { running: 0, served: 0, failed: 0 };
  const run = async (text) => {
    const connection = await pool.acquire({ tenantId: 'any', share, hold: 'statement' });
    counts.running += 1;
    try {
      await connection.client.query(text);
      connection.release();
    } catch (error) {
      connection.release('it failed');
      throw error;
    } finally {
      counts.running -= 1;
    }
  };
  const work = async (text) => {
    try {
      await run(text);
      counts.served += 1;
    } catch {
      counts.failed += 1;
      await new Promise((resolve) => setTimeout(resolve, ${SAMPLE_MS}));
    }
    setImmediate(work, text);
  };
  for (const text of texts) void work(text);
  setInterval(() => console.log(JSON.stringify(counts)), ${SAMPLE_MS});`;

export interface BusyOptions {
  readonly target: ConnectionTarget;
  /** Connections. */
  readonly limit: number;
  readonly statementTimeoutMs: number;
  /** The statements of its callers; each caller repeats its own. */
  readonly texts: readonly string[];
  /** The command that starts the program, in a network namespace for instance. */
  readonly command?: (program: string, args: readonly string[]) => [string, string[]];
}

/** A process that keeps all connections of one pool busy. It runs the compiled code. */
export class BusyProcess {
  /** Statements that are running, and those that were served and failed since the start. */
  counts = { running: 0, served: 0, failed: 0 };

  private constructor(private readonly child: ChildProcess) {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.counts = JSON.parse(line) as BusyProcess['counts'];
    });
  }

  static start({ target, limit, statementTimeoutMs, texts, command }: BusyOptions): BusyProcess {
    const options = { ...POOL_OPTIONS, size: limit, statementTimeoutMs };
    const nodeArgs = ['--input-type=module', '-e', SCRIPT];
    const [program, args] = command?.(process.execPath, nodeArgs) ?? [process.execPath, nodeArgs];
    const env = { ...process.env, BUSY: JSON.stringify({ target, options, texts }) };
    return new BusyProcess(spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  /** Ends it by SIGKILL, so that it closes nothing. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}
