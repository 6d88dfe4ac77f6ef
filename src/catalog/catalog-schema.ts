import pg from 'pg';
import { CatalogSchemaError } from './catalog.errors.js';
import { CreateCatalog1764000000000 } from './schema-migrations/1764000000000-create-catalog.js';

/** Records which migrations of the catalog have run. */
export const CATALOG_MIGRATIONS_TABLE = 'catalog_migrations';

/** The schema of the catalog's tables in a new installation. */
const DEFAULT_SCHEMA = 'tenantry';

type Queryable = Pick<pg.ClientBase, 'query'>;

/** Schemas of the role's own search path, in its order, and the default one; only those with a table of this name. */
const CANDIDATES = `
  SELECT n.nspname AS name, array_position(current_schemas(false), n.nspname) IS NOT NULL AS "isInPath"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = '${CATALOG_MIGRATIONS_TABLE}' AND c.relkind = 'r'
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    AND (n.nspname = ANY (current_schemas(false)) OR n.nspname = ANY ($1))
  ORDER BY array_position(current_schemas(false), n.nspname)`;

interface Candidate {
  readonly name: string;
  readonly isInPath: boolean;
}

/**
 * The schema of the catalog's tables, which may not exist yet.
 *
 * @param client connected to the catalog's database with the search path of its role: former releases used that
 * @param configured the value of `CATALOG_SCHEMA`
 * @throws CatalogSchemaError when the catalog is in another schema than the configured one, or in two
 */
export async function findCatalogSchema(client: Queryable, configured: string | undefined): Promise<string> {
  const wanted = configured ?? DEFAULT_SCHEMA;
  const { rows } = await client.query<Candidate>(CANDIDATES, [[wanted, DEFAULT_SCHEMA]]);
  const existing: Candidate[] = [];
  for (const candidate of rows) if (await holdsCatalog(client, candidate.name)) existing.push(candidate);
  const inUse = existing.find(({ isInPath }) => isInPath)?.name;
  const isWantedInUse = existing.some(({ name }) => name === wanted);
  if (configured === undefined) {
    if (inUse !== undefined && inUse !== wanted && isWantedInUse) throw CatalogSchemaError.ambiguous(inUse, wanted);
    return inUse ?? wanted;
  }
  const elsewhere = inUse ?? existing[0]?.name;
  if (!isWantedInUse && elsewhere !== undefined) throw CatalogSchemaError.elsewhere(configured, elsewhere);
  return configured;
}

/** Other applications may have a table of that name, with any columns. */
async function holdsCatalog(client: Queryable, schema: string): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT FROM ${pg.escapeIdentifier(schema)}.${CATALOG_MIGRATIONS_TABLE} AS m WHERE to_jsonb(m) ->> 'name' = $1 LIMIT 1`,
    [CreateCatalog1764000000000.name],
  );
  return rows.length > 0;
}

const TABLES_OF_OTHERS = `
  SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = ANY ($2) ORDER BY c.relname`;

/**
 * Creates the schema if it does not exist.
 *
 * @param tables names of the catalog's tables
 * @throws CatalogSchemaError when it has tables of another application under these names
 */
export async function createCatalogSchema(client: Queryable, schema: string, tables: readonly string[]): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rowCount === 0) {
    await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`);
    return;
  }
  const { rows } = await client.query<{ name: string }>(TABLES_OF_OTHERS, [schema, tables]);
  const names = rows.map(({ name }) => name);
  const isForeign = names.length > 0 && !(await isCatalog(client, schema));
  if (isForeign) throw CatalogSchemaError.taken(schema, names);
}

async function isCatalog(client: Queryable, schema: string): Promise<boolean> {
  const { rows } = await client.query(TABLES_OF_OTHERS, [schema, [CATALOG_MIGRATIONS_TABLE]]);
  return rows.length > 0 && (await holdsCatalog(client, schema));
}

/** The same connection with the catalog's schema as its search path, whatever the defaults of role and database are. */
export function withCatalogSchema<Config extends pg.ClientConfig>(config: Config, schema: string): Config {
  const searchPath = `-c search_path=${pg.escapeIdentifier(schema).replaceAll(/[\s\\]/g, String.raw`\$&`)}`;
  return { ...config, options: config.options === undefined ? searchPath : `${config.options} ${searchPath}` };
}
