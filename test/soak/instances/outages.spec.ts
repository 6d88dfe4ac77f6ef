import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { soon } from '../../support/load/soon.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { Service } from '../../support/processes/service.js';
import { ADMIN_KEY, type Json } from '../../support/test-app.js';

const LONGEST_MS = 120_000;
/** Longer than what was lent holds without an answer. */
const AWAY_MS = 12_000;
/** Of the catalog's server; four are lent to none. */
const LIMIT = 20;

let postgres: PrivatePostgres;
let service: Service | undefined;

beforeEach(async () => {
  postgres = await PrivatePostgres.start();
}, LONGEST_MS);
afterEach(async () => {
  await service?.kill();
  service = undefined;
  await postgres.stop();
}, LONGEST_MS);

const start = (): Promise<Service> => Service.start({ DATABASE_URL: postgres.url, LOG_LEVEL: 'info' });

async function call(
  method: string,
  path: string,
  key = ADMIN_KEY,
  body?: object,
): Promise<{ status: number; body: Json }> {
  const answer = await fetch(`${service!.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: await answer.json().catch(() => undefined) };
}

const instances = (): Promise<{ id: string; share: number; recent: boolean }[]> =>
  postgres.admin(
    `SELECT i.id, c.share, i.heartbeat_at > now() - interval '3 seconds' AS recent
     FROM instances i JOIN connection_shares c ON c.instance_id = i.id`,
  );

describe('an instance', () => {
  it.each([
    ['with pools of tenants', true],
    ['without', false],
  ])(
    'works again when the server of its catalog is back after more than a lease (%s)',
    async (_title, hasTenants) => {
      service = await start();
      let key = '';
      if (hasTenants) {
        await call('POST', '/admin/v1/tenants', ADMIN_KEY, { slug: 'acme', isolation: 'row' });
        await soon(async () => {
          const issued = await call('POST', '/admin/v1/tenants/acme/api-keys', ADMIN_KEY, {});
          expect(issued.status).toBe(201);
          key = issued.body.token;
        }, 30_000);
        await soon(async () => expect((await call('GET', '/api/v1/customers', key)).status).toBe(200), 30_000);
      }
      await postgres.kill();
      await delay(AWAY_MS);
      await postgres.startAgain();
      await soon(async () => expect(await instances()).toMatchObject([{ recent: true }]), 30_000);
      await soon(async () => expect((await call('GET', '/admin/v1/tenants')).status).toBe(200), 30_000);
      if (hasTenants)
        await soon(async () => expect((await call('GET', '/api/v1/customers', key)).status).toBe(200), 30_000);
    },
    LONGEST_MS,
  );

  it(
    'starts where dead instances were lent everything: it has the server asked for their connections',
    async () => {
      service = await start();
      await service.stop();
      await postgres.admin("UPDATE servers SET max_connections = $1 WHERE name = 'default'", [LIMIT]);
      await postgres.admin(
        `WITH dead AS (INSERT INTO instances (id, name, pid, renewal, heartbeat_at)
           VALUES ('0000dead', 'dead', 1, 1, now() - interval '1 minute') RETURNING id)
         INSERT INTO connection_shares SELECT s.id, dead.id, ${LIMIT - 4}, 1, 7, 0, 0 FROM servers s, dead WHERE s.name = 'default'`,
      );
      service = await start();
      expect(await instances()).toMatchObject([{ recent: true, share: expect.any(Number) }]);
      expect(await postgres.admin("SELECT FROM instances WHERE id = '0000dead'")).toEqual([]);
    },
    LONGEST_MS,
  );

  it(
    'is served by a server again that was removed and registered under another id',
    async () => {
      service = await start();
      const { host, port } = postgres.address;
      const owner = decodeURIComponent(new URL(postgres.url).password);
      const other = { name: 'eu-1', host: host === '127.0.0.1' ? 'localhost' : host, port, tls: 'disable' };
      for (const _round of [1, 2]) {
        const server = { ...other, ownerRole: 'tenantry', ownerPassword: owner };
        expect(await call('POST', '/admin/v1/servers', ADMIN_KEY, server)).toMatchObject({ status: 201 });
        await soon(async () => {
          const { body } = await call('GET', '/admin/v1/connections');
          expect(body.find((each: Json) => each.server === 'eu-1')).toMatchObject({ open: expect.any(Number) });
          expect(await instances()).toHaveLength(2);
        }, 30_000);
        expect((await call('POST', '/admin/v1/servers/eu-1/drain')).status).toBe(200);
        expect((await call('DELETE', '/admin/v1/servers/eu-1')).status).toBe(204);
        await delay(8_000); // what was lent has ended
      }
    },
    LONGEST_MS,
  );
});
