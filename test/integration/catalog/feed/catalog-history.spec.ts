import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  type CatalogPoint,
  currentHistory,
  currentPoint,
  parsePoint,
  POINT_SQL,
} from '../../../../src/catalog/feed/catalog-point.js';
import { PrivatePostgres } from '../../../support/postgres/private-postgres.js';
import { soon } from '../../../support/load/soon.js';

const ANNOUNCE = `
  CREATE TRIGGER announce AFTER INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`;

let server: PrivatePostgres;
const clients: pg.Client[] = [];

beforeAll(async () => {
  server = await PrivatePostgres.start();
  await server.admin('CREATE TABLE tenants (id int); GRANT SELECT ON tenants TO PUBLIC');
});

afterEach(() => Promise.all(clients.splice(0).map((client) => client.end())));

afterAll(() => server.stop());

/** As a role without any privilege of the server's. */
async function connect(): Promise<pg.Client> {
  const { role, password, database } = server.target;
  const client = new pg.Client({ ...server.address, user: role, password, database });
  client.on('error', () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

async function pointOfRead(client: pg.Client): Promise<CatalogPoint> {
  const { rows } = await client.query<{ at: string }>(`SELECT ${POINT_SQL} AS at`);
  return parsePoint(rows[0]?.at ?? '');
}

async function history(): Promise<string | undefined> {
  return currentHistory(await connect());
}

describe('a point in the history of the catalog', () => {
  it('is below every later read and not below an earlier one, also when nothing is written in between', async () => {
    const client = await connect();
    const before = await pointOfRead(client);
    const point = await currentPoint(await connect());
    const after = await pointOfRead(client);
    expect(before.sequence).toBeLessThanOrEqual(point?.sequence ?? 0);
    expect(after.sequence).toBeGreaterThan(point?.sequence ?? Infinity);
    expect([before.history, after.history]).toEqual([point?.history, point?.history]);
  });

  it('is of the same history in sessions with other settings', async () => {
    const client = await connect();
    await client.query(`SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'; SET extra_float_digits = 0`);
    expect(await currentHistory(client)).toBe(await history());
  });
});

describe('another history begins', () => {
  it.each([
    ['the server crashes', () => crash()],
    ['the server is started again', async () => [await server.kill(), await server.startAgain()]],
    ['the tables are restored', () => server.admin('DROP TABLE tenants; CREATE TABLE tenants (id int)')],
    ['a trigger that announces changes is restored', () => server.admin(ANNOUNCE)],
  ])('when %s', async (_event, happen) => {
    const before = await history();
    await happen();
    await soon(async () => expect(await history()).not.toBe(before));
  });

  it('on a standby, which has no point to give', async () => {
    const standby = await server.standby();
    const { role, password, database } = server.target;
    const client = new pg.Client({ ...standby.address, user: role, password, database });
    await client.connect();
    clients.push(client);
    await expect(currentPoint(client)).rejects.toMatchObject({ code: '25006' });
    expect(await currentHistory(client)).not.toBe(await history());
    await Promise.all(clients.splice(0).map((each) => each.end()));
    await standby.stop();
  });
});

/** One backend is killed, upon which PostgreSQL ends all the others and recovers. */
async function crash(): Promise<void> {
  const [backend] = await server.admin<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const victim = await connect();
  const { rows } = await victim.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  expect(rows[0]?.pid).not.toBe(backend?.pid);
  process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
}
