import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestDatabase } from '../postgres/postgres.js';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

/** The state that survives a restart: the catalog, and the secrets that decrypt it. */
export interface Place {
  readonly database: TestDatabase;
  readonly dataDir: string;
}

/** A process of `node dist/main.js` with demo tenants and tracing variables in its environment. */
export class TracedService {
  output = '';
  url = '';
  apiKey = '';

  private readonly ended: Promise<unknown>;

  private constructor(private readonly process: ChildProcess) {
    this.ended = once(process, 'close');
    for (const stream of [process.stdout, process.stderr])
      stream?.on('data', (chunk: Buffer) => void (this.output += chunk.toString()));
  }

  /** @param hook source of module-loading hooks, as https://nodejs.org/api/module.html#customization-hooks has them */
  static async start({ database, dataDir }: Place, env: Record<string, string>, hook?: string): Promise<TracedService> {
    const child = spawn(process.execPath, [...(hook === undefined ? [] : withHook(hook)), MAIN], {
      cwd: dataDir,
      env: {
        ...{ PATH: process.env['PATH'], HOME: process.env['HOME'] },
        ...{ DATA_DIR: dataDir, DATABASE_URL: database.url, ENABLE_DEMO_TENANTS: 'true', ENABLE_REDIS_CACHE: 'false' },
        ...{ HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info', ...env },
      },
    });
    const service = new TracedService(child);
    await service.ready(dataDir);
    return service;
  }

  call(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.url + path, { ...init, headers: { authorization: `Bearer ${this.apiKey}`, ...init.headers } });
  }

  /** Stops it in order, so that it sends its remaining spans. @returns its exit code, also when it had already ended */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    await this.ended;
    return this.process.exitCode;
  }

  private async ready(dataDir: string): Promise<void> {
    const { stdout } = this.process;
    while (!this.output.includes('demo.json')) {
      if (this.process.exitCode !== null || !stdout) throw new Error(`the service has ended:\n${this.output}`);
      await Promise.race([once(stdout, 'data'), this.ended]);
    }
    const demo = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    this.url = demo.url;
    this.apiKey = demo.tenants[0].apiKey;
  }
}

function withHook(source: string): string[] {
  const register = `import { register } from 'node:module'; register(${JSON.stringify(module(source))});`;
  return ['--import', module(register)];
}

function module(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
