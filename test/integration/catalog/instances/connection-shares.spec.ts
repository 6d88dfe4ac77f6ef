import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../../src/catalog/catalog-data-source.js';
import { type Claim, ConnectionShares, type LentShare } from '../../../../src/catalog/instances/connection-shares.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';

const LEAST = 2;

let database: TestDatabase;
let catalog: DataSource;
let shares: ConnectionShares;
let serverId: string;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  catalog = await openCatalog(targetOfUrl(database.url, 'default'), POOL_OPTIONS);
  shares = new ConnectionShares(catalog);
});
afterAll(async () => {
  await catalog.destroy();
  await database.drop();
});
beforeEach(async () => {
  await database.admin('DELETE FROM instances');
  await database.admin("DELETE FROM servers WHERE name <> 'default'");
  serverId = randomUUID();
  await database.admin(
    `INSERT INTO servers (id, name, host, port, owner_role, owner_password_sealed, max_connections)
     VALUES ($1, 'other', '127.0.0.1', 1, 'owner', 'sealed', 31)`,
    [serverId],
  );
});

/** An instance that says what it holds and needs. */
class Asking {
  share = 0;
  private renewals = 0;

  constructor(readonly id: string) {}

  async renew(need: number, held = this.share, server = serverId): Promise<LentShare> {
    this.renewals += 1;
    const claim: Claim = { serverId: server, held, need, least: LEAST, open: held, waiting: 0 };
    const instance = { id: this.id, name: this.id, pid: 1, worker: null };
    const { lent } = await shares.renew(instance, this.renewals, [claim]);
    this.share = lent[0]?.share ?? 0;
    return lent[0]!;
  }

  late(renewal: number): Promise<unknown> {
    return shares.renew({ id: this.id, name: this.id, pid: 1, worker: null }, renewal, []);
  }
}

async function silence(id: string): Promise<void> {
  await database.admin("UPDATE instances SET heartbeat_at = now() - interval '11 seconds' WHERE id = $1", [id]);
}

describe('the connections of a server', () => {
  it('are lent up to its limit, less one for what is no instance, and not before another one has given them back', async () => {
    const [first, second] = [new Asking('first'), new Asking('second')];
    expect(await first.renew(40)).toMatchObject({ share: 30, target: 30 });
    expect(await second.renew(40)).toMatchObject({ share: 0 });
    expect(await first.renew(40)).toMatchObject({ share: 30, target: 15 });
    expect(await second.renew(40)).toMatchObject({ share: 0 });
    expect(await first.renew(40, 20)).toMatchObject({ share: 20, target: 15 }); // it has closed ten by now
    expect(await second.renew(40)).toMatchObject({ share: 10 });
    expect(await first.renew(40, 15)).toMatchObject({ share: 15, target: 15 });
    expect(await second.renew(40)).toMatchObject({ share: 15 });
  });

  it('are never more than the limit when instances ask at the same time', async () => {
    const all = Array.from({ length: 8 }, (_, n) => new Asking(`at-once-${n}`));
    await Promise.all(all.map((each) => each.renew(40)));
    expect(all.reduce((sum, { share }) => sum + share, 0)).toBe(30);
  });

  it('that a stopped instance had are free at once', async () => {
    const [first, second] = [new Asking('first'), new Asking('second')];
    await first.renew(30);
    await shares.leave('first');
    expect(await second.renew(30)).toMatchObject({ share: 30 });
  });

  it('that a silent instance had are named, and free only once they are taken back', async () => {
    const [silent, other] = [new Asking('silent'), new Asking('other')];
    await silent.renew(30);
    await shares.takeBack({ serverId, instanceId: 'silent' });
    expect(await other.renew(30)).toMatchObject({ share: 0 }); // it is not silent
    await silence('silent');
    const { silent: named } = await shares.renew({ id: 'other', name: 'other', pid: 1, worker: null }, 2, [
      { serverId, held: 0, need: 30, least: LEAST, open: 0, waiting: 0 },
    ]);
    expect(named).toEqual([{ serverId, instanceId: 'silent' }]);
    await shares.takeBack({ serverId, instanceId: 'silent' });
    await database.admin('UPDATE instances SET renewal = 0');
    expect(await other.renew(30)).toMatchObject({ share: 30 });
    expect(await database.admin('SELECT id FROM instances')).toEqual([{ id: 'other' }]);
  });

  it('that were taken back from an instance are not its own again because it says so', async () => {
    const [silent, other] = [new Asking('silent'), new Asking('other')];
    await silent.renew(30);
    await silence('silent');
    await shares.takeBack({ serverId, instanceId: 'silent' });
    await other.renew(25);
    expect(await silent.renew(30, 30)).toMatchObject({ share: 5 });
  });

  it('are not divided by a renewal that a later one has overtaken', async () => {
    const asking = new Asking('overtaken');
    await asking.renew(10);
    await asking.renew(20);
    await expect(asking.late(1)).rejects.toMatchObject({ code: 'RENEWAL_OVERTAKEN' });
    expect(await database.admin('SELECT share FROM connection_shares')).toEqual([{ share: 20 }]);
  });

  it('are what the server allows, less a tenth and four to begin with, on the server of the catalog', async () => {
    const [server] = await database.admin<{ id: string; allowed: number }>(
      `SELECT id, current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0) AS allowed FROM servers WHERE name = 'default'`,
    );
    const { id, allowed } = server!;
    expect(await new Asking('alone').renew(10_000, 0, id)).toMatchObject({ share: Math.floor(allowed * 0.9) - 4 });
  });

  it('are lent in whole where the limit is hardly what one instance needs', async () => {
    const [server] = await database.admin<{ id: string }>("SELECT id FROM servers WHERE name = 'default'");
    const lent: unknown[] = [];
    for (const limit of [3, 7, 9, 12]) {
      await database.admin("UPDATE servers SET max_connections = $1 WHERE name = 'default'", [limit]);
      const asking = new Asking(`small-${limit}`);
      const { share, least } = await asking.renew(20, 0, server!.id);
      lent.push([limit, share, least]);
      await shares.leave(asking.id);
    }
    await database.admin("UPDATE servers SET max_connections = NULL WHERE name = 'default'");
    expect(lent).toEqual([
      [3, 3, 2],
      [7, 7, 2],
      [9, 7, 2],
      [12, 8, 2],
    ]);
    await database.admin('UPDATE servers SET max_connections = 1 WHERE id = $1', [serverId]);
    expect(await new Asking('least').renew(20)).toMatchObject({ share: 1, least: 1 });
  });

  it('are ten until what the server allows is known', async () => {
    await database.admin("UPDATE servers SET max_connections = NULL WHERE name = 'other'");
    const asking = new Asking('early');
    expect(await asking.renew(100)).toMatchObject({ share: 9 });
    await database.admin("UPDATE servers SET allowed_connections = 50 WHERE name = 'other'");
    expect(await asking.renew(100)).toMatchObject({ share: 44 });
  });
});
