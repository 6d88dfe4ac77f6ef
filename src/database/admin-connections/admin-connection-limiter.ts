import type { ConnectionTarget } from '../connection/connection-target.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';

/** How long an idle connection stays open for the next use of the same database. */
const IDLE_TIMEOUT_MS = 5_000;

interface IdleConnection {
  readonly connection: PhysicalConnection;
  readonly target: ConnectionTarget;
  readonly timer: NodeJS.Timeout;
}

/** A caller that waits for a slot. */
export interface AdminWaiter {
  readonly target: ConnectionTarget;
  /** The slot is granted: with an idle connection to reuse, or undefined to open one. */
  readonly onGranted: (connection: PhysicalConnection | undefined) => void;
  readonly onFailed: (reason: unknown) => void;
}

/**
 * Limits the admin connections to one server and grants slots in the order of arrival. A slot is taken from before its
 * connection opens until after it has closed, so the server never sees more connections than there are slots.
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

  /** Removes a waiter that has given up. */
  cancel(waiter: AdminWaiter): void {
    const position = this.queue.indexOf(waiter);
    if (position >= 0) this.queue.splice(position, 1);
  }

  /** Frees a slot whose connection is closed or could not be opened. */
  release(): void {
    this.taken -= 1;
    this.serveQueue();
  }

  /** Keeps a reusable connection open, which still occupies its slot. */
  keepIdle(connection: PhysicalConnection, target: ConnectionTarget): void {
    const timer = setTimeout(() => this.closeIdle(connection), IDLE_TIMEOUT_MS).unref();
    this.idle.push({ connection, target, timer });
    this.serveQueue();
  }

  /** Closes an idle connection; does nothing when it is not idle. */
  closeIdle(connection: PhysicalConnection): void {
    const position = this.idle.findIndex((idle) => idle.connection === connection);
    if (position < 0) return;
    this.removeIdle(position);
    this.closing += 1;
    connection.close();
    void connection.closed.then(() => {
      this.closing -= 1;
      this.release();
    });
  }

  /** Rejects all waiters with `reason` and closes all idle connections. */
  close(reason: unknown): void {
    for (const waiter of this.queue.splice(0)) waiter.onFailed(reason);
    for (const { connection } of [...this.idle]) this.closeIdle(connection);
  }

  private serveQueue(): void {
    for (let next = this.queue[0]; next; next = this.queue[0]) {
      const connection = this.takeIdle(next.target);
      if (!connection && this.taken >= this.slots) break;
      if (!connection) this.taken += 1;
      this.queue.shift();
      next.onGranted(connection);
    }
    if (this.queue.length > this.closing && this.idle[0]) this.closeIdle(this.idle[0].connection);
  }

  private takeIdle(target: ConnectionTarget): PhysicalConnection | undefined {
    const position = this.idle.findLastIndex((idle) => haveSameLogin(idle.target, target));
    return position < 0 ? undefined : this.removeIdle(position);
  }

  private removeIdle(position: number): PhysicalConnection | undefined {
    const [removed] = this.idle.splice(position, 1);
    clearTimeout(removed?.timer);
    return removed?.connection;
  }
}

/** Compares by value, because the owner's target objects are created for each use. */
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
