import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADMIN_KEY } from '../test-app.js';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

/** What all instances of one test file have in common: they have to open what another one sealed. */
const KEYS = `test:${randomBytes(32).toString('base64')}`;

/** `node dist/main.js`, to be sent signals. It dies with the test's process at the latest. */
export class Service {
  /** Those that have not ended, also those that are not listening yet. */
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
  static async start(env: Record<string, string>, dataDir?: string): Promise<Service> {
    const folder = dataDir ?? (await newFolder());
    const { PATH, HOME } = process.env;
    const settings = {
      ...{ NODE_ENV: 'test', LOG_FORMAT: 'json', DATA_DIR: folder, HOST: '127.0.0.1', PORT: '0' },
      ...{ ADMIN_API_KEY: ADMIN_KEY, ENCRYPTION_KEYS: KEYS, ENABLE_REDIS_CACHE: 'false' },
    };
    const child = spawn(process.execPath, [MAIN], { cwd: folder, env: { PATH, HOME, ...settings, ...env } });
    child.setMaxListeners(0); // each wait for it adds its own
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

  /** The lines of its log, parsed. */
  get lines(): readonly { readonly msg: string }[] {
    const lines = this.output.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as { msg: string });
  }

  async said(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.output)) {
      if (this.hasEnded) throw new Error(`it ended:\n${this.output}`);
      await Promise.race([once(this.process.stdout as NodeJS.ReadableStream, 'data'), once(this.process, 'exit')]);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Its exit code. */
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
