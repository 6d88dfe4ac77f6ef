import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpuMs } from './process-stats.mjs';

const WORKER = new URL('./load-worker.mjs', import.meta.url);

/** autocannon in a separate process. */
export class LoadGenerator {
  constructor() {
    this.child = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
  }

  /**
   * Sends requests for a while and waits for the last response.
   *
   * @param url base URL of the program
   * @param requests the requests to send: see `requestsOf` in requests.mjs
   * @param callers connections, each with one request in flight
   * @param seconds duration
   * @param prepare number of requests to prepare; a caller that has sent its share starts again
   * @returns durations in ms, and counts; `cpuMs` is the generator's own CPU time
   */
  async round(options) {
    this.child.send({ kind: 'prepare', options });
    await this.#response();
    const before = cpuMs(this.child.pid);
    this.child.send({ kind: 'fire' });
    const result = await this.#response();
    return { ...result, cpuMs: cpuMs(this.child.pid) - before };
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
  }

  async #response() {
    const ended = new AbortController();
    const exited = once(this.child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`the load generator exited with code ${code}`);
    });
    try {
      const [{ error, value }] = await Promise.race([once(this.child, 'message', { signal: ended.signal }), exited]);
      if (error) throw new Error(`load generator: ${error}`);
      return value;
    } finally {
      exited.catch(() => {}); // aborting below rejects it
      ended.abort();
    }
  }
}
