import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpuMs } from './process-stats.mjs';

const WORKER = new URL('./load-worker.mjs', import.meta.url);

/** autocannon in a process of its own. */
export class LoadGenerator {
  constructor() {
    this.child = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
  }

  /**
   * Sends requests for a while and waits for the last answer.
   *
   * @param url of the program
   * @param requests what to send: see `requestsOf` in requests.mjs
   * @param callers connections, each with one request under way
   * @param seconds how long
   * @param prepare how many requests to write ahead; a caller that has sent all of its own begins again
   * @returns ms and counts; `cpuMs` is the generator's own
   */
  async round(order) {
    this.child.send({ kind: 'prepare', order });
    await this.#answer();
    const before = cpuMs(this.child.pid);
    this.child.send({ kind: 'fire' });
    const result = await this.#answer();
    return { ...result, cpuMs: cpuMs(this.child.pid) - before };
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
  }

  async #answer() {
    const ended = new AbortController();
    const exited = once(this.child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`the load generator ended with ${code}`);
    });
    try {
      const [{ error, value }] = await Promise.race([once(this.child, 'message', { signal: ended.signal }), exited]);
      if (error) throw new Error(`load generator: ${error}`);
      return value;
    } finally {
      exited.catch(() => {}); // aborted, which rejects it
      ended.abort();
    }
  }
}
