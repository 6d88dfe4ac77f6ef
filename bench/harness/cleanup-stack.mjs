/** What was started, to be stopped last first: at the end, after a failure, and on Ctrl-C. */
export class Closing {
  #stops = [];
  #stopping;

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void this.#stopAndExit());
  }

  /** @param stop called once; may be asynchronous */
  add(stop) {
    this.#stops.push(stop);
  }

  /** Stops everything, whatever fails on the way, and once only. */
  all() {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll() {
    for (const stop of this.#stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        console.error(`stopping: ${error.message}`);
        process.exitCode = 1;
      }
    }
  }

  async #stopAndExit() {
    await this.all();
    process.exit(130);
  }
}
