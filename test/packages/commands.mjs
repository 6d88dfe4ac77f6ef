import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Lines of a failed command's output that its error repeats. */
const SHOWN_LINES = 40;

/** Raised when a command fails or takes too long; the message ends with what it printed. */
export class CommandError extends Error {
  constructor(command, reason, output) {
    super(`${command}: ${reason}\n${output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n')}`);
  }
}

/**
 * Runs a command to its end, in a process group that is killed when time is up.
 *
 * @returns what it printed: stdout alone, and both streams
 */
export async function run(command, args, { cwd, env, timeoutMs = 300_000 }) {
  const shown = [command, ...args].join(' ');
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = collect(child);
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), timeoutMs);
  const [status, signal] = await once(child, 'close');
  clearTimeout(timer);
  if (signal !== null)
    throw new CommandError(shown, `ended by ${signal}, after at most ${timeoutMs} ms`, printed.output);
  if (status !== 0) throw new CommandError(shown, `exit code ${status}`, printed.output);
  return printed;
}

/** A server in a process group of its own. */
export class Service {
  constructor(child, printed, match) {
    this.child = child;
    this.printed = printed;
    /** The match of the pattern that showed it ready. */
    this.match = match;
  }

  /** Starts it, and waits for a line that matches. */
  static async start(command, args, { cwd, env, ready, timeoutMs = 60_000 }) {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = collect(child);
    const match = await new Promise((resolve, reject) => {
      const fail = (reason) => {
        clearTimeout(timer);
        killGroup(child, 'SIGKILL');
        reject(new CommandError([command, ...args].join(' '), reason, printed.output));
      };
      const timer = setTimeout(() => fail(`not ready after ${timeoutMs} ms`), timeoutMs);
      child.once('error', (error) => fail(error.message));
      child.once('close', (status) => fail(`ended with ${status} before it was ready`));
      child.stdout.on('data', () => {
        const found = ready.exec(printed.stdout);
        if (!found) return;
        clearTimeout(timer);
        resolve(found);
      });
    });
    return new Service(child, printed, match);
  }

  /** Asks it to end. @throws when it has to be killed, or ends with another code than 0 */
  async stop(timeoutMs = 20_000) {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const timer = setTimeout(() => killGroup(this.child, 'SIGKILL'), timeoutMs);
      this.child.kill('SIGTERM');
      await once(this.child, 'exit');
      clearTimeout(timer);
    }
    const { exitCode, signalCode } = this.child;
    // A host without handlers of its own ends by the signal, once the shutdown hooks have run.
    const isClean = exitCode === 0 || signalCode === 'SIGTERM';
    if (!isClean) throw new CommandError('stopping the host', `${exitCode ?? signalCode}`, this.printed.output);
  }
}

function collect(child) {
  const printed = { stdout: '', output: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed.stdout += text;
    printed.output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (printed.output += text));
  return printed;
}

/** npm and npx have children; all of them belong to the group of the process that was started here. */
export function killGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
