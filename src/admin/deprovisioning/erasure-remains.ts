import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { FoundData, Remaining } from './erasure.schemas.js';

/** The tenant that is being erased. */
export interface ErasedTenant {
  readonly id: string;
  /** Free again when the transaction commits, and then kept nowhere. */
  readonly slug: string;
  readonly data: FoundData;
}

/**
 * What remains of a tenant after its deletion, in one part of the product. Called in the transaction that deletes the
 * tenant's row, after that. Texts go to customers and are kept: they must not contain the tenant's slug.
 */
export type RemainsSource = (catalog: EntityManager, tenant: ErasedTenant) => Promise<readonly Remaining[]>;

/** Collects what remains of deleted tenants for the reports of their erasure. Each part that keeps something adds a source. */
@Injectable()
export class ErasureRemains {
  private readonly sources: RemainsSource[] = [recordsInCatalog, rowsOnDisk, outsideOfReach];

  add(source: RemainsSource): void {
    this.sources.push(source);
  }

  async of(catalog: EntityManager, tenant: ErasedTenant): Promise<Remaining[]> {
    const remains: Remaining[] = [];
    for (const source of this.sources) remains.push(...(await source(catalog, tenant)));
    return remains;
  }
}

const RECORDS = `
  SELECT (SELECT count(*) FROM operations WHERE tenant_id = $1)::int AS operations,
         (SELECT count(*) FROM operation_tenants WHERE tenant_id = $1)::int AS results,
         (SELECT count(*) FROM operation_hooks WHERE tenant_id = $1)::int AS hooks,
         (SELECT count(*) FROM audit_log WHERE subject_kind = 'tenant' AND subject_id = $1::text
            OR subject_kind = 'api-key' AND subject = $2 AND NOT EXISTS (SELECT FROM api_keys k WHERE k.id = subject_id)
            OR subject_kind = 'operation' AND subject_id IN (SELECT id::text FROM operations WHERE tenant_id = $1))::int AS entries`;

interface Records {
  readonly operations: number;
  readonly results: number;
  readonly hooks: number;
  readonly entries: number;
}

/** The slug in them is replaced by a pseudonym when the transaction commits. */
async function recordsInCatalog(catalog: EntityManager, { id, slug }: ErasedTenant): Promise<Remaining[]> {
  const [found] = await catalog.query<[Records]>(RECORDS, [id, slug]);
  const where = 'catalog, under the pseudonym';
  const counted: readonly [number, string][] = [
    [found.entries, 'entries of the audit log: what was done, when, and by which operator'],
    [found.operations, 'records of operations, this one included'],
    [found.results, 'results in operations on several tenants'],
    [found.hooks, "results of the application's hooks"],
  ];
  return counted.flatMap(([count, what]) => (count > 0 ? [{ what: `${count} ${what}`, where, until: null }] : []));
}

function rowsOnDisk(_catalog: EntityManager, { data }: ErasedTenant): Promise<Remaining[]> {
  if (data.removed !== 'rows') return Promise.resolve([]);
  const where = 'files of the shared tables, which no statement reads';
  return Promise.resolve([
    { what: 'the space of deleted rows', where, until: 'VACUUM, which PostgreSQL runs by itself' },
  ]);
}

function outsideOfReach(_catalog: EntityManager, { id }: ErasedTenant): Promise<Remaining[]> {
  const until = "their keepers' own rules";
  return Promise.resolve([
    {
      what: "backups, standbys and write-ahead logs of PostgreSQL made by its operator's own means",
      where: 'with them',
      until,
    },
    {
      what: 'tenants that were cloned from it or restored from its backups, and archives that were exported',
      where: 'this installation, and wherever they were brought',
      until: 'they are deleted',
    },
    { what: "lines of the application's log", where: 'where it is collected', until },
    { what: `files and objects under tenants/${id}/, unless a hook has removed them`, where: 'their store', until },
    {
      what: "rows that name the tenant's id in central tables, unless a hook has removed them",
      where: 'central tables',
      until,
    },
  ]);
}
