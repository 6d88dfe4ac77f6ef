import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../../src/catalog/catalog-data-source.js';
import { ConnectionShares } from '../../../../src/catalog/instances/connection-shares.js';
import { LentConnections } from '../../../../src/catalog/instances/lent-connections.js';
import { roleLimit } from '../../../../src/catalog/instances/role-limits.js';
import { ServerSurveys } from '../../../../src/catalog/instances/server-surveys.js';
import type { HostAndPort } from '../../../../src/platform/postgres/database-url.js';
import { roleComment } from '../../../../src/catalog/model/role-comment.js';
import { ServerOwner } from '../../../../src/catalog/server-owner.js';
import { AdminConnections } from '../../../../src/database/admin-connections/admin-connections.js';
import type { BudgetMember, ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { ServerBudgets } from '../../../../src/database/budget/server-budgets.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import type { KeyRing } from '../../../../src/platform/encryption/key-ring.js';
import { LOCK_NAMES } from '../../../../src/platform/postgres/advisory-locks.js';
import { Shutdown } from '../../../../src/platform/shutdown/shutdown.js';
import { soon } from '../../../support/load/soon.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../../support/postgres/postgres.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';

/** Lent in all: less four for what starts. */
const LIMIT = 34;
const OWN_LIMIT = 25;
/** Slots of each process that are no pool's. */
const KEPT = 5;

let database: TestDatabase;
let catalog: DataSource;
const started: Process[] = [];

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  catalog = await openCatalog(targetOfUrl(database.url, 'default'), POOL_OPTIONS);
  await database.admin("UPDATE servers SET max_connections = $1 WHERE name = 'default'", [LIMIT]);
});
afterEach(async () => {
  for (const process of started.splice(0)) await process.stop();
});
afterAll(async () => {
  await catalog.destroy();
  await database.drop();
});

/** A pool that takes every slot that it is given, and closes as many as it is asked to. */
class Pool implements BudgetMember {
  held = 0;
  idle = 0;
  wanted = 0;
  readonly waitingSince = 0;
  readonly idleSince = 0;

  constructor(private readonly budget: ServerBudget) {
    budget.join(this);
  }

  want(count: number): void {
    for (let n = 0; n < count; n += 1) {
      this.wanted += 1;
      if (this.budget.request(this)) this.onGranted();
    }
  }

  onGranted(): boolean {
    this.wanted -= 1;
    this.held += 1;
    return true;
  }

  rest(): void {
    this.idle = this.held;
  }

  closeLongestIdle(): boolean {
    if (this.idle === 0) return false;
    this.idle -= 1;
    queueMicrotask(() => {
      this.held -= 1;
      this.budget.release();
    });
    return true;
  }
}

class Process {
  private constructor(
    readonly pool: Pool,
    private readonly shutdown: Shutdown,
  ) {}

  static async start(replicas: readonly HostAndPort[] = []): Promise<Process> {
    const config = {
      ...{ pool: { ...POOL_OPTIONS, serverMaxConnections: OWN_LIMIT }, instanceName: 'test', startupWaitMs: 0 },
    } as unknown as AppConfig;
    const { server, ...login } = targetOfUrl(database.url, 'default');
    const target = { ...login, server: { ...server, replicas } };
    const shutdown = new Shutdown();
    const budgets = new ServerBudgets(config);
    budgets.of(target.server).reserve({ kept: KEPT, max: KEPT });
    const admin = new AdminConnections(config, shutdown, budgets);
    const shares = new ConnectionShares(catalog);
    const surveys = new ServerSurveys(catalog, new ServerOwner(target, {} as KeyRing), admin, shares);
    const process = new Process(new Pool(budgets.of(target.server)), shutdown);
    started.push(process);
    await new LentConnections(config, catalog, target, budgets, shares, surveys, shutdown).onModuleInit();
    return process;
  }

  stop(): Promise<void> {
    return this.shutdown.run();
  }
}

const sharesNow = async (): Promise<number[]> =>
  (await database.admin<{ share: number }>('SELECT share FROM connection_shares ORDER BY share')).map(
    ({ share }) => share,
  );

describe('the connections of a process', () => {
  it('are lent when they are waited for, up to its own limit', async () => {
    const { pool } = await Process.start();
    pool.want(40);
    await soon(async () => expect([pool.held, await sharesNow()]).toEqual([OWN_LIMIT - KEPT, [OWN_LIMIT]]));
  });

  it('are given back when another one needs them, idle ones first, and never exceed the limit', async () => {
    const [first, second] = [await Process.start(), await Process.start()];
    first.pool.want(40);
    await soon(async () => expect(first.pool.held).toBeGreaterThan(10));
    first.pool.rest();
    second.pool.want(40);
    await soon(async () => {
      const now = await sharesNow();
      expect(now.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(LIMIT - 4);
      expect(second.pool.held).toBeGreaterThanOrEqual(9);
    });
    expect(first.pool.held + second.pool.held + 2 * KEPT).toBeLessThanOrEqual(LIMIT - 4);
  });

  it('are all free when it stops', async () => {
    await (await Process.start()).stop();
    expect(await sharesNow()).toEqual([]);
    expect(await database.admin('SELECT FROM instances')).toEqual([]);
  });
});

describe('the login roles of the server', () => {
  const role = `role ${randomUUID()}`;
  const target = randomUUID();
  const limit = async (): Promise<number | undefined> =>
    (
      await database.admin<{ limit: number }>('SELECT rolconnlimit AS limit FROM pg_roles WHERE rolname = $1', [role])
    )[0]?.limit;

  beforeAll(async () => {
    await database.admin(`CREATE ROLE "${role}"; COMMENT ON ROLE "${role}" IS '${roleComment(target)}'`);
    await database.admin(`GRANT "${role}" TO "${testServer().owner}" WITH ADMIN OPTION`);
    await database.admin(
      `INSERT INTO connection_targets (id, server_id, kind, database, role, password_sealed)
       SELECT $1, id, 'dedicated', $2, $2, '' FROM servers WHERE name = 'default'`,
      [target, role],
    );
  });
  afterAll(() => database.admin(`DROP ROLE "${role}"`));

  it('have a limit above that of all instances, which follows it', async () => {
    await Process.start();
    await soon(async () => expect(await limit()).toBe(roleLimit(LIMIT)));
    await database.admin("UPDATE servers SET max_connections = 60 WHERE name = 'default'");
    await soon(async () => expect(await limit()).toBe(roleLimit(60)));
    await database.admin("UPDATE servers SET max_connections = $1 WHERE name = 'default'", [LIMIT]);
    await soon(async () => expect(await limit()).toBe(roleLimit(LIMIT)));
  });

  it('are unlimited where the server has read replicas, which have the same roles', async () => {
    await database.admin(`ALTER ROLE "${role}" CONNECTION LIMIT 5`);
    await Process.start([{ host: '127.0.0.1', port: 1 }]);
    await soon(async () => expect(await limit()).toBe(-1));
  });
});

describe('a start', () => {
  it('waits while an instance is frozen that was about to renew its share', async () => {
    const frozen = new pg.Client({ connectionString: database.url });
    await frozen.connect();
    await frozen.query('BEGIN');
    await frozen.query(`SELECT pg_advisory_xact_lock(hashtext('${LOCK_NAMES.connectionShares}'))`);
    const starting = Process.start();
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // longer than its statement waits for a lock
    await frozen.query('ROLLBACK');
    await frozen.end();
    expect(await starting).toBeInstanceOf(Process);
  });
});
