import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { spawnOptions } from './service-account.js';

/*
 * A server that lives exactly as long as we do, whatever ends us: SIGKILL, too.
 *
 * A tiny shell starts it and holds the reading end of a pipe whose writing end only we have. The kernel closes that when
 * we end, and the shell's watcher then asks the server to shut down (SIGINT is PostgreSQL's "fast": roll back and
 * close), and after 5 s each not so kindly (SIGQUIT, SIGKILL). Signals also go through the pipe, so nobody signals a process id that
 * may meanwhile be another process. The shell runs in a session of its own: Ctrl-C in the terminal reaches
 * only the application, which drains before it stops the server.
 */
const SUPERVISOR = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{
  while read -r signal; do kill -s "$signal" "$server"; done
  kill -s INT "$server"; sleep 5; kill -s QUIT "$server"; sleep 5; kill -s KILL "$server"
} <&3 3<&- >/dev/null 2>&1 &
watcher=$!
exec 3<&- </dev/null
wait "$server"
status=$?
exec 2>/dev/null
kill "$watcher"; wait "$watcher"
exit "$status"`;

/** How many lines of what the server wrote are kept for error messages. */
const KEPT_LINES = 50;

export interface ServerEnd {
  /** As the shell reports it: 128 + n after signal n. Null when the shell itself was killed. */
  readonly exitCode: number | null;
  /** The last lines that it wrote to standard error. */
  readonly output: readonly string[];
}

/** A server process on a life line. */
export class ParentWatch {
  /** Resolves when the server and everything that it started and that writes to its log is gone. */
  readonly ended: Promise<ServerEnd>;
  readonly #output: string[] = [];
  readonly #child: ChildProcess;
  #end: ServerEnd | undefined;

  constructor(
    program: string,
    args: readonly string[],
    options: ReturnType<typeof spawnOptions>,
    onLine?: (line: string) => void,
  ) {
    const stdio: ['pipe', 'ignore', 'pipe'] = ['pipe', 'ignore', 'pipe'];
    // Windows is untried: there the server is a plain child, outlives a killed application, and is stopped hard.
    const child =
      process.platform === 'win32'
        ? spawn(program, args, { ...options, stdio, windowsHide: true })
        : spawn('/bin/sh', ['-c', SUPERVISOR, 'sh', program, ...args], { ...options, stdio, detached: true });
    this.#child = child;
    child.stdin.on('error', () => {}); // EPIPE: it has ended, which `ended` says
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (this.#output.push(line) > KEPT_LINES) this.#output.shift();
      onLine?.(line);
    });
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => this.#output.push(error.message));
      child.once('close', (exitCode) => resolve((this.#end = { exitCode, output: this.#output })));
    });
  }

  /** Set once it has ended. */
  get end(): ServerEnd | undefined {
    return this.#end;
  }

  /** Lets our process end although the server runs; the server then ends, too. */
  unref(): void {
    this.#child.unref();
    (this.#child.stdin as Socket).unref();
    (this.#child.stderr as Socket).unref();
  }

  /**
   * Sends the signals one after the other, each after the one before had `graceMs` to work, until the server has ended.
   * When none works, everything that is left of it is killed.
   */
  async stop(signals: readonly string[], graceMs: number): Promise<ServerEnd> {
    this.#child.ref();
    for (const signal of signals) {
      this.#signal(signal);
      const end = await this.#endWithin(graceMs);
      if (end) return end;
    }
    this.#killGroup();
    return this.ended;
  }

  #killGroup(): void {
    if (process.platform === 'win32' || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch (error) {
      // ESRCH: the shell and the server are gone; the last of what the server started is about to follow.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #signal(name: string): void {
    if (process.platform === 'win32') this.#child.kill();
    else this.#child.stdin?.write(`${name}\n`);
  }

  async #endWithin(ms: number): Promise<ServerEnd | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), ms);
    });
    try {
      return await Promise.race([this.ended, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}
