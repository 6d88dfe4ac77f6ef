import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { TenantCache, TenantConnectionService } from '../../src/index.js';
import { AdminClient } from '../support/admin/admin-client.js';
import { soon } from '../support/load/soon.js';
import { asSuperuser } from '../support/postgres/postgres.js';
import { hashAt, NumberedRows, type Sender } from '../support/restores/numbered-rows.js';
import type { Answer, Json, TestApp, TestTenant } from '../support/test-app.js';
import { type Isolation, isGone } from './operation-crashes.js';

const CALLERS = 2;

/** A tenant with a backup, that is written to all the time. */
export class RestoredTenant {
  readonly rows: NumberedRows;
  backup = '';
  /** Which of its rows the backup has. */
  backedUp: readonly number[] = [];
  hash: Record<string, string> = {};
  /** Where it was before the restore. */
  former: Json;
  /** The first row of each caller that was written behind the switch. */
  switchedAt: readonly number[] = [];

  private constructor(
    private readonly admin: AdminClient,
    readonly isolation: Isolation,
    readonly tenant: TestTenant,
    private readonly instances: readonly TestApp[],
    senders: readonly Sender[],
  ) {
    this.rows = new NumberedRows(senders, tenant.apiKey);
  }

  /** @param instances of one installation with BACKUP_URL, the first one of which is told what to do */
  static async of(isolation: Isolation, [app, ...others]: readonly [TestApp, ...TestApp[]]): Promise<RestoredTenant> {
    const tenant = await app.provision(`t${randomUUID().slice(0, 8)}`, isolation);
    const { apiKey } = tenant;
    const body = { name: 'First', email: 'first@example.com' };
    const { body: customer } = await app.call('/api/v1/customers', { method: 'POST', apiKey, body });
    const lines = [{ description: 'Line', quantity: 1, unitPrice: 100 }];
    const order = { number: 'N-1', customerId: customer.id, currency: 'EUR', lines };
    expect((await app.call('/api/v1/orders', { method: 'POST', apiKey, body: order })).status).toBe(201);
    const instances = [app, ...others];
    const senders = Array.from({ length: CALLERS }, (_, n) => {
      const instance = instances[n % instances.length] ?? app;
      return instance.call.bind(instance);
    });
    const one = new RestoredTenant(new AdminClient(app), isolation, tenant, instances, senders);
    await one.writeAndBackUp();
    return one;
  }

  async view(): Promise<Json> {
    return (await this.admin.get(`/tenants/${this.tenant.slug}`)).body;
  }

  private async writeAndBackUp(): Promise<void> {
    this.rows.start();
    await this.rows.more();
    await this.rows.stop();
    this.former = await this.view();
    this.backedUp = this.rows.acknowledged;
    this.hash = await hashAt(this.former, this.backedUp);
    const { result } = await this.succeeds(
      await this.admin.send('POST', '/backups', { body: { tenant: this.tenant.slug } }),
    );
    this.backup = result.backup;
    this.rows.start();
    await this.rows.more();
  }

  async restore(body: object = {}): Promise<Json> {
    return this.succeeds(await this.requestRestore(body));
  }

  /** So that a table differs from the backup without having more rows or fewer. */
  async changeOrder(): Promise<void> {
    const { id, database, schema } = await this.view();
    await asSuperuser(database, `UPDATE "${schema}".orders SET number = 'N-2' WHERE tenant_id = $1`, [id]);
  }

  /** Has each instance cache a value that it computes of the tenant's rows. */
  async cacheValues(): Promise<void> {
    for (const { application } of this.instances) {
      await this.withCache(application, (cache) => cache.set(application.url, 'computed'));
    }
  }

  /** What each instance has cached. */
  cachedValues(): Promise<unknown[]> {
    const valueOf = ({ application }: TestApp) => this.withCache(application, (cache) => cache.get(application.url));
    return Promise.all(this.instances.map(valueOf));
  }

  private withCache<T>({ nest }: TestApp['application'], work: (cache: TenantCache) => Promise<T>): Promise<T> {
    return nest.get(TenantConnectionService).run(this.tenant.slug, () => work(nest.get(TenantCache)));
  }

  async operate(path: string): Promise<Json> {
    return this.succeeds(await this.request('POST', `/${path}`));
  }

  /** The login role, where it is the tenant's own. */
  async rotate(): Promise<void> {
    if (this.isolation !== 'database') return;
    const body = { kind: 'rotate-credentials', tenant: this.tenant.slug };
    await this.succeeds(await this.admin.send('POST', '/operations', { body }));
  }

  async hasNoMove(): Promise<void> {
    await soon(async () =>
      expect(
        await this.admin.app.database.admin('SELECT state FROM moves WHERE tenant_id = $1', [this.tenant.id]),
      ).toEqual([]),
    );
  }

  requestRestore(body: object = {}): Promise<Answer> {
    return this.admin.send('POST', `/backups/${this.backup}/restore`, { body });
  }

  request(method: string, path: string, body?: object): Promise<Answer> {
    return this.admin.send(method, `/tenants/${this.tenant.slug}${path}`, { ...(body && { body }) });
  }

  async succeeds({ status, text, headers }: Answer): Promise<Json> {
    expect([status, text]).toEqual([202, expect.any(String)]);
    const operation = await this.admin.ended(headers.get('location'));
    expect(operation).toMatchObject({ status: 'succeeded', error: null });
    return operation;
  }
}

/** Rows of each caller: all that the backup has, and all from some later number on. */
function restoredRows({ backedUp, rows }: RestoredTenant, since: readonly number[]): unknown[] {
  return rows.acknowledged.map((acknowledged, n) => [
    [0, backedUp[n]! - 1],
    [since[n], acknowledged - 1],
  ]);
}

/** @param timeoutMs of each of them */
export function describeRestores(tenant: () => RestoredTenant, timeoutMs?: number): void {
  it(
    'a backup is restored over its tenant, whose writes go on: it has the rows of the backup, and those written since the switch',
    async () => {
      const one = tenant();
      const { rows, backedUp, isolation } = one;
      await one.cacheValues();
      expect(new Set(await one.cachedValues())).toEqual(new Set(['computed']));
      await one.changeOrder();
      const { result } = await one.restore();
      expect(new Set(await one.cachedValues())).toEqual(new Set([undefined]));
      await rows.more();
      await rows.stop();
      const place = await one.view();
      expect(place).toMatchObject({ status: 'active', isolation: isolation === 'row' ? 'schema' : isolation });
      expect([place.database, place.schema]).not.toEqual([one.former.database, one.former.schema]);
      expect(await hashAt(place, backedUp)).toEqual(one.hash);

      const stored = await rows.stored(place);
      one.switchedAt = stored.map((ranges) => ranges[1]![0]);
      for (const [n, number] of one.switchedAt.entries()) expect(number).toBeGreaterThan(backedUp[n]!);
      expect(stored).toEqual(restoredRows(one, one.switchedAt));

      const counts = { rows: backedUp[0]! + backedUp[1]! + 1, formerRows: expect.any(Number) };
      expect(result).toMatchObject({ backup: one.backup, tables: 3, waitMs: expect.any(Number) });
      expect(result.differences).toEqual([
        { table: 'customers', ...counts },
        { table: 'orders', rows: 1, formerRows: 1 },
      ]);
      expect(result.differences[0].formerRows).toBeGreaterThan(counts.rows);
      expect(result.notes).toHaveLength(isolation === 'row' ? 2 : 1);
      rows.start();
    },
    timeoutMs,
  );

  it(
    'until it is finished, nothing else is restored or moved, and the tenant is not deleted',
    async () => {
      const one = tenant();
      const again = await one.requestRestore();
      expect(again.body).toMatchObject({
        code: 'CONFLICT',
        detail: expect.stringContaining('restore is not finished'),
      });
      const body = { isolation: 'row' };
      expect((await one.request('POST', '/move', body)).body.code).toBe('CONFLICT');
      expect((await one.request('DELETE', '?graceSeconds=0')).body.code).toBe('CONFLICT');
    },
    timeoutMs,
  );

  it(
    'it is taken back: the tenant has every row that was acknowledged until the switch, and none written between',
    async () => {
      const one = tenant();
      const { rows, switchedAt } = one;
      const left = await one.view();
      await one.cacheValues();
      const { result } = await one.operate('move/back');
      expect(new Set(await one.cachedValues())).toEqual(new Set([undefined]));
      expect(result.dropped).toMatch(/^what was written since the restore of \d{4}-/);
      await rows.more();
      await rows.stop();
      const place = await one.view();
      expect([place.isolation, place.database, place.schema]).toEqual([
        ...[one.former.isolation, one.former.database, one.former.schema],
      ]);
      const stored = await rows.stored(place);
      const backAt = stored.map((ranges) => ranges[1]![0]);
      for (const [n, number] of backAt.entries()) expect(number).toBeGreaterThan(switchedAt[n]! + 3);
      expect(stored).toEqual(
        rows.acknowledged.map((acknowledged, n) => [
          [0, switchedAt[n]! - 1],
          [backAt[n], acknowledged - 1],
        ]),
      );
      await one.hasNoMove();
      await isGone(left);
    },
    timeoutMs,
  );
}

/** The same tenant is restored for good. @param timeoutMs of the test */
export function describeFinishedRestores(tenant: () => RestoredTenant, timeoutMs?: number): void {
  it(
    'it is finished: nothing is left at the former place',
    async () => {
      const one = tenant();
      await one.restore();
      await one.operate('move/finish');
      expect(await hashAt(await one.view(), one.backedUp)).toEqual(one.hash);
      await one.hasNoMove();
      await isGone(one.former);
    },
    timeoutMs,
  );

  it(
    'its place is like any other: restored again, rotated, and deleted',
    async () => {
      const one = tenant();
      const place = await one.view();
      await one.restore();
      await one.operate('move/finish');
      await one.hasNoMove();
      await isGone(place);
      await one.rotate();
      const last = await one.view();
      expect(await hashAt(last, one.backedUp)).toEqual(one.hash);
      await one.succeeds(await one.request('DELETE', '?graceSeconds=0'));
      await isGone(last);
    },
    timeoutMs,
  );
}
