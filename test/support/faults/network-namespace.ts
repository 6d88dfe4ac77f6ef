import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A network of its own for some processes. Only root may make one, and not in every container. */
export class NetworkNamespace {
  private constructor(private readonly holder: ChildProcess) {}

  /** It lasts as long as this process at most: its holder ends with its input. @throws where this is not allowed */
  static async create(): Promise<NetworkNamespace> {
    const holder = spawn('unshare', ['--net', 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
    holder.stdin.on('error', () => undefined); // EPIPE: it has ended
    holder.stdin.write('made\n');
    const [answer] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')])) as unknown[];
    if (!Buffer.isBuffer(answer)) throw new Error('network namespaces are not available');
    return new NetworkNamespace(holder);
  }

  get pid(): string {
    return String(this.holder.pid);
  }

  /** The program and arguments that run a program in it. */
  command(program: string, args: readonly string[], account?: { uid: number; gid: number }): [string, string[]] {
    const user = account ? [`--setuid=${account.uid}`, `--setgid=${account.gid}`] : [];
    return ['nsenter', [`--net=/proc/${this.pid}/ns/net`, ...user, '--', program, ...args]];
  }

  /** Runs commands of a shell in it, to their end. */
  run(...commands: readonly string[]): void {
    const [program, args] = this.command('/bin/sh', ['-ec', commands.join('\n')]);
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** Its interfaces go with its last process. */
  async end(): Promise<void> {
    const ended = once(this.holder, 'exit');
    this.holder.stdin?.end();
    await ended;
  }
}
