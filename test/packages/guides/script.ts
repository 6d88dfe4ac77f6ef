import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';

const WITHIN_MS = 540_000;

export interface ScriptOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What is typed at a terminal; without it there is no terminal. */
  readonly answers?: string;
  /** It is a server, which is ended once it has printed this and `meanwhile` is done. */
  readonly until?: RegExp;
  readonly meanwhile?: (output: string) => Promise<void>;
}

/**
 * Runs a block of shell commands as a reader pastes it, each of which must succeed.
 *
 * @returns what it printed
 */
export async function runScript(script: string, options: ScriptOptions): Promise<string> {
  const { answers, until } = options;
  const shell = ['bash', '-a', '-e', '-o', 'pipefail', '-c', script];
  const [command = '', ...args] = answers === undefined ? shell : atTerminal(shell);
  const env = { ...ENVIRONMENT, ...options.env };
  const child = spawn(command, args, { cwd: options.cwd, env, detached: true });
  child.stdin.end(answers ?? '');
  const timer = setTimeout(() => signal(child, 'SIGKILL'), WITHIN_MS);
  const ended = once(child, 'close');
  const printed = new Printed(child);
  try {
    if (until !== undefined && (await Promise.race([printed.matches(until), ended])) === true) {
      await options.meanwhile?.(printed.text);
      return printed.text;
    }
    const [status] = (await ended) as [number | null];
    if (until !== undefined || status !== 0) throw new Error(`exit code ${status}\n${script}\n${printed.text}`);
    return printed.text;
  } finally {
    clearTimeout(timer);
    if (child.exitCode === null) signal(child, 'SIGTERM');
    await ended;
  }
}

/** Both streams of a process. */
class Printed {
  text = '';

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => void (this.text += text));
  }

  async matches(pattern: RegExp): Promise<true> {
    while (!pattern.test(this.text)) await once(this.child.stdout, 'data');
    return true;
  }
}

function atTerminal(command: readonly string[]): readonly string[] {
  return ['script', '--quiet', '--return', '--command', command.map(quoted).join(' '), '/dev/null'];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, name);
}

/** What a reader's shell has: nothing of Jest, and of npm the registry and its cache. */
const ENVIRONMENT: Readonly<Record<string, string | undefined>> = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_(?!config_(cache|registry)$)|NODE_|JEST_|TEST_|FORCE_COLOR)/i.test(name),
    ),
  ),
  ...{ npm_config_audit: 'false', npm_config_fund: 'false', npm_config_prefer_offline: 'true' },
  ...{ npm_config_ignore_scripts: 'true', TMPDIR: tmpdir() },
};
