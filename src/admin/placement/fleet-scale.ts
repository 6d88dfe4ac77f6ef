/** What makes load: of a server, or of one tenant. */
export interface Burden {
  readonly tenants: number;
  /** Stored, when last measured. */
  readonly bytes: number;
  /** That PostgreSQL has worked for it in the `LOAD_HOURS`. */
  readonly databaseMs: number;
}

/** A server whose load is compared. */
export interface ScaledServer extends Burden {
  /** Of all instances together; null: not known yet, taken for average. */
  readonly connections: number | null;
}

/**
 * The hours that stand for a day, as hours ago: it has its peaks and its night, elsewhere at other times, and reading all of them takes long where
 * there are many tenants.
 */
export const LOAD_HOURS: readonly number[] = [1, 7, 13, 19];
const WINDOW_MS = LOAD_HOURS.length * 3_600_000;

/** Below these, a fleet's bytes and times say little of its servers: they weigh accordingly less, and the number of tenants more. */
const LEAST_BYTES_PER_SERVER = 2 ** 30;
const LEAST_TIME = 0.01;

/**
 * Compares the load of servers: the part of everything that a server has (tenants, bytes and time in PostgreSQL, a third each) over the part
 * that it should have, which is that of its connections among the connections of all. 1 is its fair part, 2 is twice that.
 */
export class FleetScale {
  private readonly total: Burden;
  /** Of each, for the whole: they add up to 1. */
  private readonly importance: Burden;
  private readonly connections: number;
  private readonly averageConnections: number;

  constructor(servers: readonly ScaledServer[]) {
    const known = servers.flatMap(({ connections }) => (connections === null ? [] : [connections]));
    this.averageConnections = Math.max(1, known.length === 0 ? 1 : sum(known) / known.length);
    this.connections = Math.max(1, sum(servers.map((server) => this.connectionsOf(server))));
    this.total = {
      tenants: sum(servers.map(({ tenants }) => tenants)),
      bytes: sum(servers.map(({ bytes }) => bytes)),
      databaseMs: sum(servers.map(({ databaseMs }) => databaseMs)),
    };
    const bytes = Math.min(1, this.total.bytes / (LEAST_BYTES_PER_SERVER * Math.max(1, servers.length))) / 3;
    const databaseMs = Math.min(1, this.total.databaseMs / (LEAST_TIME * WINDOW_MS * this.connections)) / 3;
    this.importance = { bytes, databaseMs, tenants: 1 - bytes - databaseMs };
  }

  /** The part of everything, 0 to 1. What several tenants weigh is the sum of what each does. */
  weightOf(burden: Burden): number {
    const { total, importance } = this;
    const parts = (['tenants', 'bytes', 'databaseMs'] as const).map((what) =>
      total[what] === 0 ? 0 : (importance[what] * burden[what]) / total[what],
    );
    return sum(parts);
  }

  /** The part of everything that a server should have, 0 to 1. */
  fairPartOf(server: Pick<ScaledServer, 'connections'>): number {
    return this.connectionsOf(server) / this.connections;
  }

  loadOf(server: ScaledServer): number {
    return this.weightOf(server) / this.fairPartOf(server);
  }

  private connectionsOf({ connections }: Pick<ScaledServer, 'connections'>): number {
    return Math.max(1, connections ?? this.averageConnections);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
