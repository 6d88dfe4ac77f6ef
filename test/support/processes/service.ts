import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADMIN_KEY } from '../test-app.js';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

/** Shared by all instances of a test file, which must decrypt what another one encrypted. */
const KEYS = `test:${randomBytes(32).toString('base64')}`;

/**
 * A process of `node dist/main.js`, for tests that send signals. It is killed with the test's process at the latest.
 */
export class Service {
  /** Services that have not ended, including those that are not listening yet. */
  static readonly running = new Set<Service>();

  output = '';

  private constructor(
    readonly process: ChildProcess,
    readonly dataDir: string,
  ) {
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (chunk: Buffer) => void (this.output += chunk.toString()));
    }
  }

  /** Resolves once it listens. */
  static async start(env: Record<string, string>, dataDir?: string, main = MAIN): Promise<Service> {
    const folder = dataDir ?? (await newFolder());
    const { PATH, HOME } = process.env;
    const settings = {
      ...{ NODE_ENV: 'test', LOG_FORMAT: 'json', DATA_DIR: folder, HOST: '127.0.0.1', PORT: '0' },
      ...{ ADMIN_API_KEY: ADMIN_KEY, ENCRYPTION_KEYS: KEYS, ENABLE_REDIS_CACHE: 'false' },
    };
    const child = spawn(process.execPath, [main], { cwd: folder, env: { PATH, HOME, ...settings, ...env } });
    child.setMaxListeners(0); // each wait adds a listener
    const service = new Service(child, folder);
    const ending = (): boolean => child.kill('SIGKILL');
    process.once('exit', ending);
    Service.running.add(service);
    child.once('exit', () => {
      process.off('exit', ending);
      Service.running.delete(service);
    });
    await service.said(/Listening on (http:\S+?)"/);
    return service;
  }

  get url(): string {
    return /Listening on (http:\S+?)"/.exec(this.output)?.[1] ?? '';
  }

  /** The parsed lines of its log. */
  get lines(): readonly { readonly msg: string }[] {
    const lines = this.output.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as { msg: string });
  }

  async said(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.output)) {
      if (this.hasEnded) throw new Error(`the service has ended:\n${this.output}`);
      await Promise.race([once(this.process.stdout as NodeJS.ReadableStream, 'data'), once(this.process, 'exit')]);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Waits for its end. @returns its exit code */
  async ended(): Promise<number | null> {
    if (!this.hasEnded) await once(this.process, 'close');
    await rm(this.dataDir, { recursive: true, force: true });
    return this.process.exitCode;
  }

  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return this.ended();
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }

  private get hasEnded(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-service-'));
  await chmod(folder, 0o755); // as root, PostgreSQL's account must be able to enter
  return folder;
}
