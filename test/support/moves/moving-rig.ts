import { expect } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient } from '../admin/admin-client.js';
import { AcknowledgedRows } from '../load/acknowledged-rows.js';
import { CheckedLoad } from '../load/checked-load.js';
import { type Json, TestApp } from '../test-app.js';

/** Far beyond what an operation takes here, because the machine may be busy. */
const OPERATION_MS = 120_000;
const POLL_MS = 100;
const PENDING = ['pending', 'running'];

/** Two instances over one catalog, a tenant that moves, and its neighbour. Every answer is compared with what was acknowledged. */
export class MovingRig {
  readonly reports: string[] = [];
  private readonly admin: AdminClient;

  private constructor(
    readonly app: TestApp,
    private readonly other: TestApp,
    private readonly acme: AcknowledgedRows,
    private readonly umbrella: AcknowledgedRows,
    readonly tenantId: string,
  ) {
    this.admin = new AdminClient(app);
  }

  static async start(): Promise<MovingRig> {
    const app = await TestApp.start();
    const other = await TestApp.over(app.database);
    const moving = await app.provision('acme', 'row');
    const acme = new AcknowledgedRows('acme', moving.apiKey);
    const umbrella = new AcknowledgedRows('umbrella', (await app.provision('umbrella', 'row')).apiKey);
    for (const tenant of [acme, umbrella]) await tenant.fill(app.url);
    return new MovingRig(app, other, acme, umbrella, moving.id);
  }

  async stop(): Promise<void> {
    await this.other.stop();
    await this.app.dispose();
  }

  /** Requests an operation on the moving tenant, and waits until it and what follows from it have succeeded. */
  async operate(path: string, body?: object): Promise<Json> {
    const requested = await this.admin.send('POST', `/tenants/acme/${path}`, { ...(body && { body }) });
    expect([requested.status, requested.text]).toEqual([202, expect.any(String)]);
    await this.idle();
    const { body: operation } = await this.admin.get(requested.headers.get('location') ?? '');
    expect(operation).toMatchObject({ status: 'succeeded', error: null });
    this.reports.push(`${path} ${JSON.stringify(body ?? {})}: ${JSON.stringify(operation.result)}`);
    return operation;
  }

  async tenant(): Promise<Json> {
    return (await this.admin.get('/tenants/acme')).body;
  }

  /** A move that is not finished; there is one per tenant at most. */
  async unfinished(): Promise<number> {
    const [left] = await this.app.database.admin<{ moves: number }>('SELECT count(*)::int AS moves FROM moves');
    return left!.moves;
  }

  /** Runs `work` while both tenants are called through both instances. No request may fail, no acknowledged row be missing. */
  async underLoad(work: () => Promise<void>): Promise<void> {
    const { app, other, acme, umbrella } = this;
    const urls = [['a', app.url] as const, ['b', other.url] as const];
    const load = new CheckedLoad(new Map(urls), [acme, umbrella], 8);
    try {
      await load.phase('before', 50);
      await work();
      await load.phase('after', 50);
    } finally {
      await load.stop();
    }
    expect(load.faults).toEqual([]);
    expect(await acme.differences(app.url)).toEqual([]);
    expect(await umbrella.differences(other.url)).toEqual([]);
  }

  private async idle(): Promise<void> {
    for (const since = performance.now(); performance.now() - since < OPERATION_MS; await delay(POLL_MS)) {
      const { items } = (await this.admin.get('/operations')).body;
      if (!items.some(({ status }: Json) => PENDING.includes(status))) return;
    }
    throw new Error('an operation has not ended');
  }
}
