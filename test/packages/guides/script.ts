import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';

const WITHIN_MS = 540_000;

export interface ScriptOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What is typed at a terminal; without it there is no terminal. */
  readonly answers?: string;
  /** It is ended once it has printed this. */
  readonly until?: RegExp;
  /** Commands that run behind it in the same shell, with its variables. */
  readonly then?: string;
}

/**
 * Runs a block of shell commands as a reader pastes it, each of which must succeed.
 *
 * @returns what it printed
 */
export async function runScript(
  script: string,
  { cwd, env, answers, until, then = '' }: ScriptOptions,
): Promise<string> {
  const shell = ['bash', '-a', '-e', '-o', 'pipefail', '-c', `${script}\n${then}`];
  const [command = '', ...args] =
    answers === undefined
      ? shell
      : ['script', '--quiet', '--return', '--command', shell.map(quoted).join(' '), '/dev/null'];
  const child = spawn(command, args, { cwd, env: { ...ENVIRONMENT, ...env }, detached: true });
  child.stdin.end(answers ?? '');
  let output = '';
  let isReady = false;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (isReady || until?.test(output) !== true) return;
      isReady = true;
      signal(child, 'SIGTERM');
    });
  const timer = setTimeout(() => signal(child, 'SIGKILL'), WITHIN_MS);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  if (until === undefined ? status !== 0 : !isReady) throw new Error(`exit code ${status}\n${script}\n${output}`);
  return output;
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
