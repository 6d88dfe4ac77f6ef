import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { appSchema } from '../../../src/app/app.schema.js';
import { ADMIN_KEY, type Json } from '../test-app.js';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

/** How a command ended, and what it said. */
export class Ran {
  constructor(
    readonly code: number | null,
    readonly stdout: string,
    readonly stderr: string,
  ) {}

  /** What is on stdout, which is one document. */
  get json(): Json {
    return JSON.parse(this.stdout);
  }

  /** What is on stderr, which is one document. */
  get error(): Json {
    return JSON.parse(this.stderr);
  }
}

export interface Around {
  /** What is on standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** As when somebody sits in front of it. */
  readonly terminal?: boolean;
}

/** The command line with an environment of its own: nothing of this machine's reaches it. */
export class Cli {
  constructor(readonly env: Readonly<Record<string, string>>) {}

  /** Runs one command to its end, in this process: a process of its own costs a second. */
  run(...args: string[]): Promise<Ran> {
    return this.runAmid({}, ...args);
  }

  async runAmid({ input = '', env = {}, terminal = false }: Around, ...args: string[]): Promise<Ran> {
    const streams = { stdin: Readable.from([input]), stdout: new PassThrough(), stderr: new PassThrough() };
    if (terminal) for (const stream of Object.values(streams)) Object.assign(stream, { isTTY: true });
    const told = Promise.all([text(streams.stdout), text(streams.stderr)]);
    const code = await runCommandLine(args, {
      terminal: { ...streams, env: { ...this.env, ...env }, cwd: '/' },
      loadSchema: () => Promise.resolve(appSchema),
    });
    streams.stdout.end();
    streams.stderr.end();
    const [stdout, stderr] = await told;
    return new Ran(code, stdout, stderr);
  }

  /** The same, and it must succeed; what it says in JSON. */
  async json(...args: string[]): Promise<Json> {
    const ran = await this.run(...args, '--json');
    if (ran.code !== 0) throw new Error(`${args.join(' ')} ended with ${ran.code}: ${ran.stderr}`);
    return ran.json;
  }

  /** `node dist/cli.js` to its end. */
  async spawn(...args: string[]): Promise<Ran> {
    const child = this.start(...args);
    child.stdin.end();
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return new Ran(code, stdout, stderr);
  }

  /** `node dist/cli.js`, to be sent signals. */
  start(...args: string[]) {
    const { PATH, HOME } = process.env;
    return spawn(process.execPath, [CLI, ...args], { cwd: '/', env: { PATH, HOME, ...this.env } });
  }
}

/** What the command line and `Service` have to have in common. */
export function settings(encryptionKey: string, dataDir: string): Record<string, string> {
  return {
    ...{ NODE_ENV: 'test', DATA_DIR: dataDir, ADMIN_API_KEY: ADMIN_KEY, ENABLE_REDIS_CACHE: 'false' },
    ENCRYPTION_KEYS: `test:${encryptionKey}`,
  };
}
