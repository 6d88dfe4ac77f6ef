import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { endsWithin } from '../../platform/timeout.js';
import type { Lifeline } from './lifeline.js';
import type { spawnOptions } from './service-account.js';

/*
 * Stops the server when this process dies, even by SIGKILL; a shared one, when the last of its users has died.
 *
 * A small shell starts the server and holds the read end of a pipe whose write end only this process has. The kernel
 * closes the pipe when this process ends, and the shell's watcher then stops the server with SIGINT (PostgreSQL's
 * "fast" shutdown: roll back and disconnect), escalating to SIGQUIT, then SIGKILL, every 5 s. Signals are sent through
 * the pipe, too, so that a reused process id is never signalled. The shell runs in its own session: Ctrl-C in the
 * terminal reaches only the application, which drains before it stops the server.
 */
const supervisor = (untilUnused: string): string => `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{
  ${untilUnused}
  kill -s INT "$server"; sleep 5; kill -s QUIT "$server"; sleep 5; kill -s KILL "$server"
} <&3 3<&- >/dev/null 2>&1 &
watcher=$!
exec 3<&- </dev/null
wait "$server"
status=$?
exec 2>/dev/null
kill "$watcher"; wait "$watcher"
[ -z "$REMOVE_AFTERWARDS" ] || rm -rf -- "$REMOVE_AFTERWARDS"
exit "$status"`;

/** The pipe is closed when its writers have ended. */
const UNTIL_CLOSED = 'while read -r signal; do kill -s "$signal" "$server"; done';

/** A named pipe that is closed may be opened again: the second reading ends at once only if it has not been. */
const untilUnusedFor = (seconds: number): string => `
  while :; do
    ${UNTIL_CLOSED}
    sleep ${seconds} </dev/null
    before=$(date +%s)
    ${UNTIL_CLOSED}
    [ "$(date +%s)" -gt "$before" ] || break
  done`;

/** Lines of the server's output kept for error messages. */
const MAX_OUTPUT_LINES = 50;

export interface ServerExit {
  /** As reported by the shell: 128 + n after signal n. Null when the shell itself was killed. */
  readonly exitCode: number | null;
  /** The last lines written to standard error. */
  readonly output: readonly string[];
}

/** A server process that stops when this process ends, or when nothing holds its lifeline. */
export class ParentWatch {
  /** Resolves when the server, and every child of it that writes to its log, has exited. */
  readonly exited: Promise<ServerExit>;
  readonly #output: string[] = [];
  readonly #child: ChildProcess;
  #exit: ServerExit | undefined;

  constructor(
    program: string,
    args: readonly string[],
    options: ReturnType<typeof spawnOptions>,
    onLine?: (line: string) => void,
    private readonly lifeline?: Lifeline,
  ) {
    const { readEnd = 'pipe', lingerSeconds } = lifeline ?? {};
    const script = supervisor(lingerSeconds === undefined ? UNTIL_CLOSED : untilUnusedFor(lingerSeconds));
    const stdio: [number | 'pipe', 'ignore', 'pipe'] = [readEnd, 'ignore', 'pipe'];
    // Untested on Windows: the server is a plain child process, outlives a killed application, and is stopped hard.
    const child =
      process.platform === 'win32'
        ? spawn(program, args, { ...options, stdio, windowsHide: true })
        : spawn('/bin/sh', ['-c', script, 'sh', program, ...args], { ...options, stdio, detached: true });
    this.#child = child;
    lifeline?.closeReadEnd();
    child.stdin?.on('error', () => {}); // EPIPE: the server has exited, see `exited`
    createInterface({ input: child.stderr as Readable }).on('line', (line) => {
      if (this.#output.push(line) > MAX_OUTPUT_LINES) this.#output.shift();
      onLine?.(line);
    });
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => this.#output.push(error.message));
      child.once('close', (exitCode) => resolve((this.#exit = { exitCode, output: this.#output })));
    });
  }

  /** Set once the server has exited. */
  get exit(): ServerExit | undefined {
    return this.#exit;
  }

  /** Lets this process exit while the server runs; the server then stops as well. */
  unref(): void {
    this.#child.unref();
    (this.#child.stdin as Socket | null)?.unref();
    (this.#child.stderr as Socket).unref();
  }

  /**
   * Sends the signals in order, `graceMs` apart, until the server has exited. When none works, kills every process that
   * is left of it.
   */
  async stop(signals: readonly string[], graceMs: number): Promise<ServerExit> {
    this.#child.ref();
    for (const signal of signals) {
      this.#signal(signal);
      const exit = await this.#exitWithin(graceMs);
      if (exit) return exit;
    }
    this.#killGroup();
    return this.exited;
  }

  #killGroup(): void {
    if (process.platform === 'win32' || this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch (error) {
      // ESRCH: the shell and the server have exited; the server's last children are about to.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #signal(name: string): void {
    if (process.platform === 'win32') this.#child.kill();
    else if (this.lifeline) this.lifeline.send(name);
    else this.#child.stdin?.write(`${name}\n`);
  }

  async #exitWithin(ms: number): Promise<ServerExit | undefined> {
    return (await endsWithin(this.exited, ms)) ? this.exited : undefined;
  }
}
