import type { ConnectionTarget } from '../connection/connection-target.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';

/** How long a connection is kept for the next piece of work on the same database. */
const IDLE_TIMEOUT_MS = 5_000;

interface IdleConnection {
  readonly connection: PhysicalConnection;
  readonly target: ConnectionTarget;
  readonly timer: NodeJS.Timeout;
}

/** Somebody who waits for a place. */
export interface AdminWaiter {
  readonly target: ConnectionTarget;
  /** The place is theirs from now on: with a connection that is open, or to open one. */
  readonly onGranted: (kept: PhysicalConnection | undefined) => void;
  readonly onFailed: (reason: unknown) => void;
}

/**
 * The places for the owner's connections to one server, and who gets the next one: in order. A place is taken from
 * before its connection is opened until after it is closed, so the server never sees more of them than there are places.
 */
export class AdminConnectionLimiter {
  private taken = 0;
  private closing = 0;
  private readonly idle: IdleConnection[] = [];
  private readonly queue: AdminWaiter[] = [];

  constructor(private readonly slots: number) {}

  get busy(): number {
    return this.taken - this.idle.length;
  }

  get waiting(): number {
    return this.queue.length;
  }

  enqueue(waiter: AdminWaiter): void {
    this.queue.push(waiter);
    this.serveQueue();
  }

  /** Somebody stopped waiting. */
  cancel(waiter: AdminWaiter): void {
    const position = this.queue.indexOf(waiter);
    if (position >= 0) this.queue.splice(position, 1);
  }

  /** A place is free: its connection is closed, or was not opened. */
  release(): void {
    this.taken -= 1;
    this.serveQueue();
  }

  /** The place stays taken by a connection that can be used again. */
  keepIdle(connection: PhysicalConnection, target: ConnectionTarget): void {
    const timer = setTimeout(() => this.closeIdle(connection), IDLE_TIMEOUT_MS).unref();
    this.idle.push({ connection, target, timer });
    this.serveQueue();
  }

  /** Closes a connection that is kept; nothing when it is not. */
  closeIdle(connection: PhysicalConnection): void {
    const position = this.idle.findIndex((kept) => kept.connection === connection);
    if (position < 0) return;
    this.removeIdle(position);
    this.closing += 1;
    connection.close();
    void connection.closed.then(() => {
      this.closing -= 1;
      this.release();
    });
  }

  /** Nobody waits any more, and nothing is kept. */
  close(reason: unknown): void {
    for (const waiter of this.queue.splice(0)) waiter.onFailed(reason);
    for (const { connection } of [...this.idle]) this.closeIdle(connection);
  }

  private serveQueue(): void {
    for (let next = this.queue[0]; next; next = this.queue[0]) {
      const kept = this.takeIdle(next.target);
      if (!kept && this.taken >= this.slots) break;
      if (!kept) this.taken += 1;
      this.queue.shift();
      next.onGranted(kept);
    }
    if (this.queue.length > this.closing && this.idle[0]) this.closeIdle(this.idle[0].connection);
  }

  private takeIdle(target: ConnectionTarget): PhysicalConnection | undefined {
    const position = this.idle.findLastIndex((kept) => haveSameLogin(kept.target, target));
    return position < 0 ? undefined : this.removeIdle(position);
  }

  private removeIdle(position: number): PhysicalConnection | undefined {
    const [kept] = this.idle.splice(position, 1);
    clearTimeout(kept?.timer);
    return kept?.connection;
  }
}

/** Targets of the owner are made anew for each use, so it is what they say that counts. */
function haveSameLogin(a: ConnectionTarget, b: ConnectionTarget): boolean {
  return (
    a.database === b.database &&
    a.role === b.role &&
    a.password === b.password &&
    a.server.host === b.server.host &&
    a.server.port === b.server.port &&
    a.server.tls === b.server.tls
  );
}
