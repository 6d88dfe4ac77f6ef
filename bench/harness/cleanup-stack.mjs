/** Stops everything that was started, last first: at the end, after a failure, and on Ctrl-C. */
export class CleanupStack {
  #stops = [];
  #stopping;

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void this.#stopAndExit());
  }

  /** @param stop called once; may be asynchronous */
  add(stop) {
    this.#stops.push(stop);
  }

  /** Stops everything, once, even if one of the stops fails. */
  run() {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll() {
    for (const stop of this.#stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        console.error(`cleanup failed: ${error.message}`);
        process.exitCode = 1;
      }
    }
  }

  async #stopAndExit() {
    await this.run();
    process.exit(130);
  }
}
