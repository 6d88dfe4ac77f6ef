import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';

/**
 * Waits until the pipe of the test's process is closed, which the kernel does when that process is killed. Then kills the
 * processes whose ids the files name, with their children: twice, because the first one may have just started the second.
 */
const GUARD = `
folder=$1; shift
kill_all_of() {
  read -r pid 2>/dev/null <"$1" || return 0
  case "$(ps -o args= -p "$pid")" in *"$folder"*) ;; *) return 0 ;; esac # the id may have been reused
  kill -KILL "$pid" $(ps -A -o pid=,ppid= | awk -v parent="$pid" '$2 == parent { print $1 }')
}
cat
for file; do kill_all_of "$file"; done
sleep 0.2
for file; do kill_all_of "$file"; done`;

/**
 * Kills servers and their children when this process ends, however it ends. For those that a `ParentWatch` cannot: servers
 * that another program has started and that outlive it, and processes that are frozen.
 */
export class ProcessGuard {
  private readonly shell: ChildProcess;

  /**
   * @param folder is named in the servers' command lines
   * @param pidFiles the files' first lines are process ids; they need not exist yet
   */
  constructor(folder: string, pidFiles: readonly string[]) {
    const args = ['-c', GUARD, 'sh', folder, ...pidFiles];
    this.shell = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.shell.unref();
    (this.shell.stdin as Socket).unref();
  }

  /** Resolves when what is left of the servers has been killed. */
  async killAll(): Promise<void> {
    if (this.shell.exitCode !== null) return;
    const ended = once(this.shell, 'exit');
    this.shell.ref();
    this.shell.stdin?.end();
    await ended;
  }
}
