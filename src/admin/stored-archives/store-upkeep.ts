import { Injectable, Logger } from '@nestjs/common';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { ArchiveStore } from './archive-store.js';

const CHECK_MS = 3_600_000;
/** No upload takes as long; and clocks of file servers differ. */
const LEFTOVER_MS = 86_400_000;

/** Removes something from the store that is no longer needed, until the signal is aborted. */
interface UpkeepTask {
  /** For the log: "expired backups". */
  readonly of: string;
  readonly run: (signal: AbortSignal) => Promise<unknown>;
}

/** Removes what the store of archives no longer needs, once an hour. Each part that keeps objects there adds a task. */
@Injectable()
export class StoreUpkeep {
  private readonly logger = new Logger('Archives');
  private readonly stopped = new AbortController();
  private readonly tasks: UpkeepTask[] = [
    { of: 'parts of objects', run: async () => (await this.stores.open()).removeLeftovers(LEFTOVER_MS) },
  ];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly stores: ArchiveStore,
    shutdown: Shutdown = new Shutdown(),
  ) {
    shutdown.add('pause operations', () => this.stop());
  }

  add(task: UpkeepTask): void {
    this.tasks.push(task);
  }

  /** Runs the tasks now, and from then on until shutdown. Does nothing where `BACKUP_URL` is not set. */
  start(): void {
    if (this.stores.isConfigured && !this.timer) this.runIn(0);
  }

  private stop(): void {
    this.stopped.abort();
    clearTimeout(this.timer);
  }

  private runIn(delayMs: number): void {
    if (this.stopped.signal.aborted) return;
    this.timer = setTimeout(() => void this.runAll().finally(() => this.runIn(CHECK_MS)), delayMs).unref();
  }

  private async runAll(): Promise<void> {
    for (const { of, run } of this.tasks) {
      if (this.stopped.signal.aborted) return;
      await run(this.stopped.signal).catch((error: unknown) => {
        this.logger.warn(`Cannot remove ${of} from the store: ${reasonOf(error)}`);
      });
    }
  }
}
