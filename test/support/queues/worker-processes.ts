import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('job-worker.mjs', import.meta.url));

/** Processes that work on one queue, and are killed at any time. */
export class WorkerProcesses {
  /** What the workers have reported: nothing, in the end. */
  readonly wrong: string[] = [];
  kills = 0;
  private readonly running: ChildProcess[] = [];
  private readonly folders: string[] = [];

  constructor(
    private readonly queue: string,
    private readonly redisPort: number,
  ) {}

  /** Resolves when it works. */
  async start(): Promise<void> {
    const dataDir = mkdtempSync(join(tmpdir(), 'tenantry-worker-'));
    this.folders.push(dataDir);
    const child = fork(WORKER, [this.queue, String(this.redisPort)], {
      execArgv: [],
      env: { ...process.env, DATA_DIR: dataDir },
    });
    child.on('message', (message) => {
      if (typeof message === 'object') this.wrong.push((message as { wrong: string }).wrong);
    });
    this.running.push(child);
    const [first] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as unknown[];
    if (first !== 'ready') throw new Error(`a worker did not start: ${JSON.stringify(first)}`);
  }

  /** Kills the oldest one (SIGKILL), and starts another. */
  async replaceOldest(): Promise<void> {
    await this.killOldest();
    this.kills += 1;
    await this.start();
  }

  async stop(): Promise<void> {
    while (this.running.length > 0) await this.killOldest();
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }

  private async killOldest(): Promise<void> {
    const child = this.running.shift();
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}
