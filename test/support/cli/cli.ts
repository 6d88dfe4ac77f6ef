import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { loadConfig } from '../../../src/platform/config/load-config.js';
import type { TenantSchema } from '../../../src/database/table-migrations/tenant-schema/tenant-schema.js';
import { sampleSchema } from '../sample-schema.js';
import { ADMIN_KEY, type Json } from '../test-app.js';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

/** The exit code and the output of a command. */
export class CommandResult {
  constructor(
    readonly code: number | null,
    readonly stdout: string,
    readonly stderr: string,
  ) {}

  /** stdout, which must be one JSON document. */
  get json(): Json {
    return JSON.parse(this.stdout);
  }

  /** stderr, which must be one JSON document. */
  get error(): Json {
    return JSON.parse(this.stderr);
  }
}

export interface Around {
  /** Standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the streams are TTYs, as in an interactive shell. */
  readonly terminal?: boolean;
  /** The working directory. Default: `/`. */
  readonly cwd?: string;
}

/** The command line with an environment of its own, isolated from this machine's. */
export class Cli {
  constructor(
    readonly env: Readonly<Record<string, string>>,
    private readonly schema: TenantSchema = sampleSchema,
  ) {}

  /** Runs one command to its end in this process, because starting another process takes a second. */
  run(...args: string[]): Promise<CommandResult> {
    return this.runAmid({}, ...args);
  }

  async runAmid(
    { input = '', env = {}, terminal = false, cwd = '/' }: Around,
    ...args: string[]
  ): Promise<CommandResult> {
    const streams = { stdin: Readable.from([input]), stdout: new PassThrough(), stderr: new PassThrough() };
    if (terminal) for (const stream of Object.values(streams)) Object.assign(stream, { isTTY: true });
    const output = Promise.all([text(streams.stdout), text(streams.stderr)]);
    const code = await runCommandLine(args, {
      terminal: { ...streams, env: { ...this.env, ...env }, cwd },
      loadConfig,
      loadSchema: () => Promise.resolve(this.schema),
    });
    streams.stdout.end();
    streams.stderr.end();
    const [stdout, stderr] = await output;
    return new CommandResult(code, stdout, stderr);
  }

  /** Runs one command, which must succeed. @returns its JSON output */
  async json(...args: string[]): Promise<Json> {
    const ran = await this.run(...args, '--json');
    if (ran.code !== 0) throw new Error(`${args.join(' ')} ended with ${ran.code}: ${ran.stderr}`);
    return ran.json;
  }

  /** Runs `node dist/cli.js` to its end. */
  async spawn(...args: string[]): Promise<CommandResult> {
    const child = this.start(...args);
    child.stdin.end();
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return new CommandResult(code, stdout, stderr);
  }

  /** Starts `node dist/cli.js`, for tests that send signals. */
  start(...args: string[]) {
    const { PATH, HOME } = process.env;
    return spawn(process.execPath, [CLI, ...args], { cwd: '/', env: { PATH, HOME, ...this.env } });
  }
}

/** The settings that the command line and `Service` must share. */
export function settings(encryptionKey: string, dataDir: string): Record<string, string> {
  return {
    ...{ NODE_ENV: 'test', DATA_DIR: dataDir, ADMIN_API_KEY: ADMIN_KEY, ENABLE_REDIS_CACHE: 'false' },
    ENCRYPTION_KEYS: `test:${encryptionKey}`,
  };
}
