import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CommandError, killGroup } from './commands.mjs';

/** What the shell prints behind the output of a script. */
const END = '--- end of the script ---\n';

/** A shell whose variables and functions are kept from one script to the next, as in a reader's terminal. */
export class Terminal {
  constructor({ cwd, env }) {
    this.shell = spawn('bash', ['-eo', 'pipefail', '-s'], { cwd, env, detached: true, stdio: 'pipe' });
    for (const stream of [this.shell.stdout, this.shell.stderr]) stream.setEncoding('utf8');
    this.shell.stdin.on('error', () => undefined); // the shell has ended, which `run` reports
  }

  /** @returns what the script prints to stdout. @throws CommandError when one of its commands fails */
  async run(script, timeoutMs = 300_000) {
    const { stdin, stdout, stderr } = this.shell;
    let printed = '';
    let errors = '';
    const onError = (text) => (errors += text);
    stderr.on('data', onError);
    try {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not ended after ${timeoutMs} ms`)), timeoutMs);
        const onEnd = (settle, reason) => {
          clearTimeout(timer);
          stdout.off('data', onText);
          settle(reason);
        };
        const onText = (text) => {
          printed += text;
          if (printed.endsWith(END)) onEnd(resolve);
        };
        stdout.on('data', onText);
        this.shell.once('close', (status) => onEnd(reject, new Error(`exit code ${status}`)));
        stdin.write(`{\n${script}\n} </dev/null\nprintf '%s' '${END}'\n`); // the commands do not read the next script
      });
      return printed.slice(0, -END.length);
    } catch (error) {
      throw new CommandError(script, error.message, printed + errors);
    } finally {
      stderr.off('data', onError);
    }
  }

  async close() {
    if (this.shell.exitCode !== null || this.shell.signalCode !== null) return;
    killGroup(this.shell, 'SIGKILL');
    await once(this.shell, 'exit');
  }
}
