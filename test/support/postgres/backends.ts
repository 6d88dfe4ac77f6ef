import { expect } from '@jest/globals';
import pg from 'pg';
import { testServer } from './postgres.js';
import { soon } from '../load/soon.js';
import type { TestPool } from '../pool/test-pool.js';

/** The connections of some login roles as the server reports them, for comparison with a pool's counters. */
export class Backends {
  private watching = false;
  private watched: Promise<void> = Promise.resolve();
  private most = 0;
  private samples = 0;

  private constructor(
    private readonly observer: pg.Client,
    private readonly roles: readonly string[],
  ) {}

  static async of(...roles: string[]): Promise<Backends> {
    const { host, port, superuser: user, superuserPassword: password } = testServer();
    const observer = new pg.Client({ host, port, user, password, database: 'postgres' });
    await observer.connect();
    return new Backends(observer, roles);
  }

  async pids(): Promise<number[]> {
    const { rows } = await this.observer.query<{ pid: number }>(
      'SELECT pid FROM pg_stat_activity WHERE usename = ANY ($1)',
      [this.roles],
    );
    return rows.map(({ pid }) => pid);
  }

  async count(): Promise<number> {
    return (await this.pids()).length;
  }

  async terminate(...pids: number[]): Promise<void> {
    await this.observer.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid', [pids]);
  }

  /** Starts counting repeatedly, as fast as the server answers. */
  watch(): void {
    this.watching = true;
    this.most = 0;
    this.samples = 0;
    this.watched = this.sample();
  }

  async stopWatching(): Promise<{ readonly most: number; readonly samples: number }> {
    this.watching = false;
    await this.watched;
    return { most: this.most, samples: this.samples };
  }

  async close(): Promise<void> {
    this.watching = false;
    await this.watched;
    await this.observer.end();
  }

  private async sample(): Promise<void> {
    while (this.watching) {
      this.most = Math.max(this.most, await this.count());
      this.samples += 1;
    }
  }
}

/**
 * Ends every test of a fault: checks out and releases all connections at once, then compares the counters with the
 * server.
 */
export async function expectStillWorks(
  pool: TestPool,
  atOnce: number,
  backends: { count(): Promise<number> },
): Promise<void> {
  const acquired = Array.from({ length: atOnce }, () => pool.acquire());
  await Promise.allSettled(acquired); // all are checked out before the first one is released
  const used = acquired.map(async (pending) => {
    const connection = await pending;
    await connection.client.query('SELECT 1').finally(() => connection.release());
  });
  for (const outcome of await Promise.allSettled(used)) if (outcome.status === 'rejected') throw outcome.reason;
  await expectTruth(pool, backends);
}

/** Asserts that no connection is checked out or waited for, and that the pool has as many as the server reports. */
export async function expectTruth(pool: TestPool, backends: { count(): Promise<number> }): Promise<void> {
  await soon(async () => {
    const { total, idle } = pool.counts();
    expect(pool.counts()).toEqual({ total, busy: 0, idle, waiting: 0 });
    expect(total).toBe(idle);
    expect(await backends.count()).toBe(total);
    expect(pool.counts().total).toBe(total);
  });
}
