import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../processes/free-port.js';

const READY_WITHIN_MS = 60_000;

export const MOTO_REQUIREMENT = 'moto_server on the PATH (python3 -m pip install "moto[s3,server]")';

export function hasMoto(): boolean {
  return spawnSync('moto_server', ['--help'], { stdio: 'ignore' }).status === 0;
}

/** A server with the protocol of S3, whose objects are in its memory. Ends with the test's process. */
export class Moto {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  static async start(port?: number): Promise<Moto> {
    const listening = port ?? (await freePort());
    const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(listening)], { stdio: 'ignore' });
    process.once('exit', () => child.kill('SIGKILL'));
    const moto = new Moto(child, listening);
    await moto.whenReady();
    return moto;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  private async whenReady(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      if (this.child.exitCode !== null) throw new Error(`moto_server ended with ${this.child.exitCode}`);
      const isReady = await fetch(this.url, { signal: AbortSignal.timeout(1_000) }).then(
        () => true,
        () => false,
      );
      if (isReady) return;
      if (Date.now() > deadline) throw new Error(`moto_server did not answer within ${READY_WITHIN_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
