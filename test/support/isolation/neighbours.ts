import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { sampleSchema } from '../sample-schema.js';
import type { Isolation } from '../../../src/catalog/model/tenant.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { ensureKey } from '../../../src/database/isolation/installed-keys.js';
import { installIsolationFunctions, type UnsignedStamps } from '../../../src/database/isolation/isolation-functions.js';
import { toHmacBlocks } from '../../../src/database/isolation/stamp-key.js';
import { createStamp, type Stamp } from '../../../src/database/statements/stamps/stamp.js';
import { migrate } from '../orders/orders-fixture.js';
import { createTenantDatabase, type TenantDatabase } from '../postgres/tenant-database.js';

/** A tenant and the schema of its tables. */
export interface Neighbour {
  readonly id: string;
  readonly schema: string;
  readonly stamp: Stamp;
}

/** What is B's, and not to change: its rows as it sees them, and where PostgreSQL has stored them. */
export interface State {
  readonly rows: string;
  readonly versions: string;
  readonly objects: string;
  /** A's rows, which attacks may change; it may have some in B's schema, which B does not see. */
  readonly own: string;
}

interface NeighboursOptions {
  readonly unsigned?: UnsignedStamps;
  /** Of the stamps; set for connections through a pooler. */
  readonly statementTimeoutMs?: number | undefined;
}

/** In all of which B's rows are within reach of the login role. */
export const ISOLATIONS: readonly Isolation[] = ['row', 'schema', 'database'];

const TABLES = ['order_lines', 'orders', 'customers'];
const CUSTOMERS_OF_B = 20;
/** Something of the form of B's other values that nobody else has: a bigint, too. */
const SECRET_TOTAL = '8127364519283746';

/**
 * Two tenants on one login role, with the sample's tables: in one schema (`row`), in two (`schema`), or in the database of
 * one of them, into which rows of the other have strayed (`database`).
 */
export class Neighbours {
  readonly customerOfB = randomUUID();
  private readonly marker = `secret${randomBytes(8).toString('hex')}`;

  private constructor(
    readonly database: TenantDatabase,
    private readonly owner: pg.Client,
    readonly isolation: Isolation,
    readonly a: Neighbour,
    readonly b: Neighbour,
    private readonly blocks: readonly Buffer[],
  ) {}

  static async create(
    isolation: Isolation,
    { unsigned = 'refused', statementTimeoutMs }: NeighboursOptions = {},
  ): Promise<Neighbours> {
    const database = await createTenantDatabase();
    await database.admin(
      `REVOKE ALL ON DATABASE ${database.name} FROM PUBLIC; GRANT CONNECT, TEMPORARY ON DATABASE ${database.name} TO ${database.role}`,
    );
    const [a, b] = isolation === 'schema' ? (['t_a', 't_b'] as const) : (['app', 'app'] as const);
    for (const schema of new Set([a, b])) await migrate(database, sampleSchema.migrations, schema);
    const owner = new pg.Client({ connectionString: database.url });
    await owner.connect();
    await installIsolationFunctions(owner, unsigned);
    const key = await ensureKey(owner);
    const neighbour = (schema: string): Neighbour => {
      const id = randomUUID();
      return { id, schema, stamp: createStamp(id, schema, { key, statementTimeoutMs }) };
    };
    const { inner, outer } = toHmacBlocks(key);
    const neighbours = new Neighbours(database, owner, isolation, neighbour(a), neighbour(b), [inner, outer]);
    await neighbours.fill();
    return neighbours;
  }

  get target(): ConnectionTarget {
    return { ...this.database.target, shared: this.isolation !== 'database' };
  }

  /** What must not come back to A in any of the usual ways to write it. */
  get secrets(): readonly string[] {
    const texts = [this.marker, SECRET_TOTAL, this.b.stamp.proof].flatMap((text) => [
      text,
      text.toUpperCase(),
      Buffer.from(text).toString('hex'),
      Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -1),
      [...text].toReversed().join(''),
    ]);
    return [
      ...texts,
      ...this.blocks.flatMap((block) => [block.toString('hex'), block.toString('base64').slice(0, 40)]),
    ];
  }

  async state(): Promise<State> {
    const rowsOf = (columns: string, { schema, id }: Neighbour): string =>
      `(SELECT md5(string_agg(t, '|' ORDER BY t)) FROM (${TABLES.map(
        (table) => `SELECT concat(${columns}, x) FROM ${schema}.${table} x WHERE tenant_id = '${id}'`,
      ).join(' UNION ALL ')}) rows(t))`;
    const { rows } = await this.owner.query<State>(
      `SELECT ${rowsOf(`''`, this.b)} AS rows, ${rowsOf(`x.xmin, x.ctid`, this.b)} AS versions,
              concat(${rowsOf(`''`, this.a)}, ${rowsOf(`''`, { ...this.a, schema: this.b.schema })}) AS own, (${OBJECTS}) AS objects`,
    );
    if (!rows[0]) throw new Error('no state');
    return rows[0];
  }

  /** Makes A's rows what they were. */
  async restoreOwnRows(): Promise<void> {
    for (const schema of new Set([this.a.schema, this.b.schema])) {
      for (const table of TABLES)
        await this.owner.query(`DELETE FROM ${schema}.${table} WHERE tenant_id = $1`, [this.a.id]);
    }
    await this.insert(this.a, randomUUID(), '1', '1', 2); // a number, so that B's names are the ones that are none
  }

  /** Undoes what the login role may change of itself, ends its sessions, and removes what B could not. */
  async restoreRole(): Promise<void> {
    const { role, target, name } = this.database;
    await this.database.admin(
      `ALTER ROLE ${role} RESET ALL; ALTER ROLE ${role} PASSWORD '${target.password}';
       ALTER ROLE ${role} IN DATABASE ${name} RESET ALL;
       SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '${role}'`,
    );
    await this.owner.query(`DELETE FROM ${this.b.schema}.customers WHERE name = 'kept'`);
  }

  /** Runs a statement as the owner of the tables. */
  async asOwner(text: string): Promise<void> {
    await this.owner.query(text);
  }

  async close(): Promise<void> {
    await this.owner.end();
    await this.database.drop();
  }

  private async fill(): Promise<void> {
    await this.insert(this.b, this.customerOfB, this.marker, SECRET_TOTAL, CUSTOMERS_OF_B);
    await this.restoreOwnRows();
    // The planner's statistics hold values of B: frequent ones, and bounds of histograms.
    await this.owner.query('ANALYZE');
  }

  private async insert(
    { id, schema }: Neighbour,
    first: string,
    marker: string,
    total: string,
    count: number,
  ): Promise<void> {
    await this.owner.query(
      `WITH c AS (
         INSERT INTO ${schema}.customers (tenant_id, id, email, name)
         SELECT $1, CASE n WHEN 1 THEN $2 ELSE gen_random_uuid() END, format('%s-%s@example.com', $3::text, n), $3
         FROM generate_series(1, $4::int) n RETURNING id, email
       ), o AS (
         INSERT INTO ${schema}.orders (tenant_id, number, customer_id, status, currency, total)
         SELECT $1, email, id, 'draft', 'EUR', $5 FROM c RETURNING id
       )
       INSERT INTO ${schema}.order_lines (tenant_id, order_id, position, description, quantity, unit_price)
       SELECT $1, id, 1, $3, 1, $5 FROM o`,
      [id, first, marker, count, total],
    );
  }
}

/** Everything outside temporary schemas that attacks might create, change or drop in the database. */
const OBJECTS = `
  SELECT md5(string_agg(o, '|' ORDER BY o)) FROM (
    SELECT concat(oid, relname, relnamespace, relowner, relrowsecurity, relforcerowsecurity, relkind, relacl, relhasrules,
                  relhastriggers, relchecks, relpersistence, relfilenode)
    FROM pg_class WHERE oid >= 16384 AND relnamespace NOT IN (
      SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg_temp_%' OR nspname LIKE 'pg_toast%')
    UNION ALL SELECT concat(p.*) FROM pg_policy p JOIN pg_class c ON c.oid = polrelid WHERE relpersistence <> 't'
    UNION ALL SELECT concat(p.*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname NOT LIKE 'pg_temp_%' AND p.oid >= 16384
    UNION ALL SELECT concat(oid, nspname, nspowner, nspacl) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%temp_%'
    UNION ALL SELECT concat(a.*) FROM pg_default_acl a WHERE NOT pg_get_userbyid(defaclrole) LIKE current_database() || '%'
    UNION ALL SELECT concat(d.oid, d.datname, d.datdba, d.datacl) FROM pg_database d WHERE datname = current_database()
    UNION ALL SELECT concat(s.*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE setrole = 0
    UNION ALL SELECT concat(rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolname)
              FROM pg_roles WHERE rolname LIKE current_database() || '%'
    UNION ALL SELECT concat(k.*) FROM tenantry_isolation.keys k
  ) objects(o)`;
