import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { readTables } from '../../../../src/testing/isolation/tables/table-facts.js';
import { RowMaker } from '../../../../src/testing/isolation/tables/tenant-rows.js';
import type { TestedTenant } from '../../../../src/testing/isolation/tested-tenant.js';
import { createTestDatabase, superuserOf, type TestDatabase } from '../../../support/postgres/postgres.js';

const tested = { tenant: { id: randomUUID(), slug: 'acme' }, schema: 'own' } as unknown as TestedTenant;

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client(superuserOf(database.name));
  await client.connect();
  await client.query('CREATE SCHEMA own');
});

afterAll(async () => {
  await client?.end();
  await database?.drop();
});

/** Two rows of the table, as a check makes them for one tenant. @returns the values of the column */
async function made(table: string, column: string): Promise<unknown[]> {
  const facts = (await readTables(client, 'own', 'postgres')).find((each) => each.table === table)!;
  const maker = new RowMaker(new Map());
  const rows = [
    await maker.insertRow(client, tested, facts, 0, []),
    await maker.insertRow(client, tested, facts, 1, []),
  ];
  return rows.map(({ values }) => values[column]);
}

it('rows are made beside those that have the usual codes of a short key', async () => {
  await client.query(`
    CREATE TABLE own.currencies (code char(3) PRIMARY KEY, name text NOT NULL);
    INSERT INTO own.currencies VALUES ('EUR', 'Euro'), ('USD', 'Dollar')`);
  expect(new Set([...(await made('currencies', 'code')), 'EUR', 'USD']).size).toBe(4);
});

it('keys of a short column keep its condition', async () => {
  await client.query(`
    CREATE TABLE own.countries (id serial PRIMARY KEY, code char(2) NOT NULL UNIQUE CHECK (code ~ '^[A-Z]{2}$'));
    INSERT INTO own.countries (code) VALUES ('DE')`);
  const codes = await made('countries', 'code');
  expect(codes).toEqual([expect.stringMatching(/^[A-Z]{2}$/), expect.stringMatching(/^[A-Z]{2}$/)]);
  expect(new Set(codes).size).toBe(2);
});
