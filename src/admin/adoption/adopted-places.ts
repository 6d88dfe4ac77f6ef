import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { isSlug } from '../../catalog/model/slug.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { tenantIdSql } from '../../database/table-migrations/adoption/inspection/tenant-keys.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { isUuid } from '../../platform/uuid.js';
import { AdoptedTenantsError } from './adoption.errors.js';
import type { AdoptionPlan } from './adoption-plan.js';

/** A tenant of the existing application. */
export interface AdoptedTenant {
  readonly id: string;
  readonly slug: string;
  /** By which the application knows it: a key, a schema or a database. */
  readonly key: string;
}

/** A schema with tables to adopt, and the tenants in it: one, or all of them. */
export interface AdoptedPlaceOfTenants {
  readonly database: string;
  readonly schema: string;
  readonly tenants: readonly AdoptedTenant[];
}

const MAX_SLUG = 63;
const MAX_NAMED = 5;
const OWN_DATABASE = /^(?:template\d|postgres)$/;

const row = z.object({ key: z.coerce.string().min(1), slug: z.coerce.string(), id: z.string().nullish() });
/** By layout, the name of the column with a tenant's key in the result of a query. */
const KEY_COLUMN = { row: 'key', schema: 'schema', database: 'database' } as const;

/** Looks up the tenants of an existing application. */
@Injectable()
export class AdoptedPlaces {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
  ) {}

  /** @throws NotFoundError */
  async server(plan: Pick<AdoptionPlan, 'server'>): Promise<ServerEntity> {
    const server = await this.catalog.getRepository(ServerEntity).findOneBy({ name: plan.server });
    if (!server) throw new NotFoundError('server');
    return server;
  }

  /** Runs `work` as the owner in a database of the plan's server. */
  async use<T>(
    plan: Pick<AdoptionPlan, 'server'>,
    database: string,
    work: (client: pg.Client) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const server = await this.server(plan);
    return this.adminConnections.use(this.owner.of(server, database), work, signal ? { signal } : {});
  }

  /** The places of a plan with their tenants, ordered by slug. @throws AdoptedTenantsError, NotFoundError */
  async of(plan: AdoptionPlan): Promise<readonly AdoptedPlaceOfTenants[]> {
    const tenants = await this.tenants(plan);
    const { layout, database, schema } = plan;
    if (layout === 'row') return [{ database, schema, tenants }];
    return tenants.map((tenant) => ({
      database: layout === 'database' ? tenant.key : database,
      schema: layout === 'schema' ? tenant.key : schema,
      tenants: [tenant],
    }));
  }

  private async tenants(plan: AdoptionPlan): Promise<readonly AdoptedTenant[]> {
    const found = await this.use(plan, plan.database, async (client) => {
      const rows =
        'pattern' in plan.tenants
          ? await byPattern(client, plan, plan.tenants.pattern)
          : await byQuery(client, plan, plan.tenants.query);
      const ids = await client.query<{ id: string }>(
        `SELECT ${tenantIdSql(plan.keys, 'key')}::text AS id FROM unnest($1::text[]) WITH ORDINALITY u (key, n) ORDER BY n`,
        [rows.map(({ key }) => key)],
      );
      return rows.map(({ key, slug, id }, n) => {
        const derived = ids.rows[n]?.id ?? '';
        return { key, slug: slugOf(slug), id: id?.toLowerCase() ?? derived, derived };
      });
    });
    if (plan.layout === 'row') assertOfRows(found);
    if (found.length === 0)
      throw new AdoptedTenantsError('there are no tenants: neither the query nor the pattern finds any');
    assertDistinct(found);
    return found.toSorted((a, b) => (a.slug < b.slug ? -1 : 1));
  }
}

type FoundRow = z.infer<typeof row>;

/** In a transaction that can only read. */
async function byQuery(client: pg.Client, { layout, schema }: AdoptionPlan, query: string): Promise<FoundRow[]> {
  await client.query('BEGIN TRANSACTION READ ONLY');
  try {
    await client.query(`SELECT set_config('search_path', quote_ident($1), true)`, [schema]);
    const { rows } = await client.query<Record<string, unknown>>(query);
    const key = KEY_COLUMN[layout];
    const parsed = z.array(row).safeParse(rows.map((found) => ({ ...found, key: found[key] ?? found['key'] })));
    if (parsed.success) {
      const ids = parsed.data.filter(({ id }) => id != null && !isUuid(id));
      if (ids.length > 0) throw new AdoptedTenantsError('the column id of the query must be a uuid');
      return parsed.data;
    }
    throw new AdoptedTenantsError(`the query must return the columns ${key} and slug, and neither may be empty`);
  } finally {
    await client.query('ROLLBACK');
  }
}

async function byPattern(client: pg.Client, { layout }: AdoptionPlan, pattern: string): Promise<FoundRow[]> {
  if (layout === 'row')
    throw new AdoptedTenantsError('tenants that share tables come from a query, not from a pattern');
  const names =
    layout === 'schema'
      ? `SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|tenantry_)' ORDER BY 1`
      : `SELECT datname::text AS name FROM pg_database WHERE NOT datistemplate AND datallowconn ORDER BY 1`;
  const { rows } = await client.query<{ name: string }>(names);
  const expression = regularExpression(pattern);
  return rows.flatMap(({ name }) => {
    const match = OWN_DATABASE.test(name) ? null : expression.exec(name);
    return match ? [{ key: name, slug: match[1] ?? name, id: null }] : [];
  });
}

/** @throws AdoptedTenantsError */
function regularExpression(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch (error) {
    throw new AdoptedTenantsError(`the pattern is no regular expression: ${pattern}`, { cause: error });
  }
}

/** `Acme Ltd.` becomes `acme-ltd`; a slug stays as it is. */
function slugOf(name: string): string {
  if (isSlug(name)) return name;
  const plain = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  return plain
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, MAX_SLUG)
    .replace(/-+$/, '');
}

function assertDistinct(tenants: readonly AdoptedTenant[]): void {
  const invalid = tenants.filter(({ slug }) => !isSlug(slug));
  if (invalid.length > 0) {
    throw new AdoptedTenantsError(
      `these tenants have no valid slug: ${named(invalid)}. Let the query return a column slug with letters, digits and hyphens`,
    );
  }
  for (const field of ['slug', 'id', 'key'] as const) {
    const seen = new Set<string>();
    const repeated = tenants.filter((tenant) => seen.size === seen.add(tenant[field]).size);
    if (repeated.length > 0)
      throw new AdoptedTenantsError(`several tenants have the same ${field}: ${named(repeated)}`);
  }
}

/** Rows get the id that follows from their key: a tenant with another one would be served without its rows, or with another's. */
function assertOfRows(tenants: readonly (AdoptedTenant & { readonly derived: string })[]): void {
  const others = tenants.filter(({ id, derived }) => id !== derived);
  if (others.length === 0) return;
  throw new AdoptedTenantsError(
    `the ids of these tenants are not those that follow from their keys: ${named(others)}. Tenants that share tables take no column id`,
  );
}

function named(tenants: readonly AdoptedTenant[]): string {
  const names = tenants.slice(0, MAX_NAMED).map(({ key, slug }) => `${key} (${slug})`);
  return `${names.join(', ')}${tenants.length > MAX_NAMED ? ', …' : ''}`;
}
