import { expect } from '@jest/globals';
import pg from 'pg';
import { testServer } from './postgres.js';
import { soon } from '../load/soon.js';
import type { TestPool } from '../pool/test-pool.js';

/** What the server says about the connections of some login roles: the truth that counters are compared with. */
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

  /** Counts again and again, as fast as the server answers. */
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

/** How every test of a fault ends: as many as may hold a connection at once, all come back, and the counts are true. */
export async function expectStillWorks(
  pool: TestPool,
  atOnce: number,
  backends: { count(): Promise<number> },
): Promise<void> {
  const asked = Array.from({ length: atOnce }, () => pool.acquire());
  await Promise.allSettled(asked); // all of them are held before the first one is given back
  const used = asked.map(async (acquired) => {
    const connection = await acquired;
    await connection.client.query('SELECT 1').finally(() => connection.release());
  });
  for (const outcome of await Promise.allSettled(used)) if (outcome.status === 'rejected') throw outcome.reason;
  await expectTruth(pool, backends);
}

/** Nothing is lent, nobody waits, and the pool has as many connections as the server says. */
export async function expectTruth(pool: TestPool, backends: { count(): Promise<number> }): Promise<void> {
  await soon(async () => {
    const { total, idle } = pool.counts();
    expect(pool.counts()).toEqual({ total, busy: 0, idle, waiting: 0 });
    expect(total).toBe(idle);
    expect(await backends.count()).toBe(total);
    expect(pool.counts().total).toBe(total);
  });
}
