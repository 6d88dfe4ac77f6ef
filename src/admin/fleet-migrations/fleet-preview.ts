import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { NO_MIGRATION } from '../../database/table-migrations/versions/migration-names.js';
import {
  digestOf,
  lateMigrations,
  missingFrom,
  newestOf,
} from '../../database/table-migrations/versions/migration-set.js';
import { previewMigrations } from '../../database/table-migrations/preview/preview-migrations.js';
import { recordedMigrations } from '../../database/table-migrations/versions/recorded-migrations.js';
import { TargetUnavailableError } from '../../database/connection/connection.errors.js';
import { POLICY_VERSION } from '../../database/isolation/tenant-policies.js';
import { TenantDataSources } from '../../database/data-source/tenant-data-sources.js';
import { EntityTablesError } from '../../database/table-migrations/comparison/compare-entity-tables.js';
import { EntityTables } from '../../catalog/tenant-tables/entity-tables.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { mapConcurrently } from '../../platform/map-concurrently.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import {
  verifiesAllTables,
  type FleetPreviewView,
  type PreviewRequest,
  type VersionPreview,
} from './fleet-migration.schemas.js';
import { HAS_TABLES, needsMigrationSql } from './fleet-sql.js';
import { MigrationUnits } from './migration-units.js';
import { assertTenantsExist } from './assert-tenants-exist.js';

/** The tenants with the same migrations on one server. */
interface Group {
  /** Their newest migration. */
  readonly version: string;
  /** Null when the tables have to be looked at. */
  readonly recorded: readonly string[] | null;
  /** Whether tables have the policies of a former release. */
  readonly hasFormerPolicies: boolean;
  readonly server: string;
  readonly tenants: number;
  readonly units: number;
  /** One of the units: the id of its connection target, and its schema. */
  readonly place: readonly [targetId: string, schema: string];
}

/** Groups with the same migrations; the error when their tables could not be looked at. */
interface Version {
  readonly from: string;
  readonly groups: Group[];
  readonly recorded: readonly string[] | TargetUnavailableError;
}

type Preview = Pick<VersionPreview, 'migrations' | 'failure'>;

/** With $3, each unit is a group of its own, whose tables are looked at. */
const GROUPS = `
  WITH due AS (
    SELECT t.target_id, t.schema_name, t.schema_version, t.migration_set, t.policy_version, t.slug
    FROM tenants t
    WHERE ${HAS_TABLES} AND ($3 OR ${needsMigrationSql('$1')})
  )
  SELECT d.schema_version AS version, CASE WHEN NOT $3 THEN m.names END AS recorded,
         min(d.policy_version) < ${POLICY_VERSION} AS "hasFormerPolicies", s.name AS server, count(*)::int AS tenants,
         count(DISTINCT (d.target_id, d.schema_name))::int AS units, min(ARRAY[d.target_id::text, d.schema_name]) AS place
  FROM due d JOIN connection_targets c ON c.id = d.target_id JOIN servers s ON s.id = c.server_id
    LEFT JOIN migration_sets m ON m.digest = d.migration_set
  WHERE $2::text[] IS NULL OR EXISTS (
    SELECT FROM due named
    WHERE named.target_id = d.target_id AND named.schema_name = d.schema_name AND named.slug = ANY ($2))
  GROUP BY d.schema_version, m.names, s.name, CASE WHEN $3 THEN ARRAY[d.target_id::text, d.schema_name] END
  ORDER BY d.schema_version, s.name`;

/** Shows what a fleet migration would do. No tenant's data is locked or changed. */
@Injectable()
export class FleetPreview {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly targets: TargetDatabases,
    private readonly units: MigrationUnits,
    private readonly dataSources: TenantDataSources,
    private readonly entityTables: EntityTables,
  ) {}

  /**
   * For each set of migrations that tenants have, counts the tenants and shows the SQL that would run. To find that out,
   * the migrations run in a scratch schema in the database of one of the tenants.
   *
   * @throws ValidationFailedError when the request names a tenant that does not exist
   */
  async preview(request: PreviewRequest, signal?: AbortSignal): Promise<FleetPreviewView> {
    const { tenants: slugs } = request;
    await assertTenantsExist(this.catalog.manager, { tenants: slugs });
    const values = [this.units.names, slugs ?? null, verifiesAllTables(request)];
    const groups = await this.catalog.query<Group[]>(GROUPS, values);
    const versions: VersionPreview[] = [];
    for (const version of await this.versionsOf(groups)) {
      const servers = serversOf(version.groups);
      const preview = await this.previewVersion(version, request, signal);
      versions.push({ from: version.from, ...total(servers), servers, late: this.lateOf(version), ...preview });
    }
    if (versions.length === 0) versions.push(...(await this.misfits()));
    return { to: this.units.newest, ...total(versions), versions };
  }

  private lateOf({ recorded }: Version): VersionPreview['late'] {
    return recorded instanceof TargetUnavailableError ? [] : lateMigrations(recorded, this.units.names);
  }

  /** With nothing to migrate, a migration may have been forgotten. */
  private async misfits(): Promise<VersionPreview[]> {
    const differences = await this.entityTables.compare();
    if (differences.length === 0) return [];
    const failure = failureOf(new EntityTablesError(differences));
    return [{ from: this.units.newest, ...total([]), servers: [], late: [], migrations: [], failure }];
  }

  /** By what the tables have. Groups that turn out to lack nothing are left out. */
  private async versionsOf(groups: readonly Group[]): Promise<Version[]> {
    const recorded = await mapConcurrently(groups, (group) => this.recordedBy(group));
    const versions = new Map<string, Version>();
    for (const [n, group] of groups.entries()) {
      const names = recorded[n] ?? [];
      const isRead = !(names instanceof TargetUnavailableError);
      if (isRead && missingFrom(names, this.units.names).length === 0 && !group.hasFormerPolicies) continue;
      const from = isRead ? (newestOf(names) ?? NO_MIGRATION) : group.version;
      const key = isRead ? digestOf(names) : `not read: ${from}`;
      const version = versions.get(key) ?? { from, groups: [], recorded: names };
      version.groups.push(group);
      versions.set(key, version);
    }
    return [...versions.values()];
  }

  private async recordedBy(group: Group): Promise<Version['recorded']> {
    if (group.recorded) return group.recorded;
    const [targetId, schema] = group.place;
    try {
      const target = await this.targets.find(targetId);
      return await this.targets.use(target, (client) => recordedMigrations(client, schema));
    } catch (error) {
      if (error instanceof TargetUnavailableError) return error;
      throw error;
    }
  }

  /** Uses the first server that is available: the SQL is the same on all of them. */
  private async previewVersion(
    { groups, recorded }: Version,
    request: PreviewRequest,
    signal: AbortSignal | undefined,
  ): Promise<Preview> {
    if (recorded instanceof TargetUnavailableError) return { migrations: [], failure: failureOf(recorded) };
    let unavailable: TargetUnavailableError | undefined;
    for (const { place } of groups) {
      try {
        return { migrations: await this.previewOnTarget(place[0], recorded, request, signal), failure: null };
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof TargetUnavailableError)) return { migrations: [], failure: failureOf(error) };
        unavailable = error;
      }
    }
    return { migrations: [], failure: failureOf(unavailable) };
  }

  private async previewOnTarget(
    targetId: string,
    recorded: readonly string[],
    { lockTimeoutMs, attempts }: PreviewRequest,
    signal: AbortSignal | undefined,
  ): Promise<VersionPreview['migrations']> {
    const target = await this.targets.find(targetId);
    const { migrations, typeorm } = this.schema;
    const { expectedTables } = this.dataSources;
    const given = { lockTimeoutMs, attempts, expectedTables, ...(signal && { signal }) };
    const options = { ...given, namingStrategy: typeorm?.namingStrategy };
    const steps = await this.targets.use(
      target,
      (client) => previewMigrations(client, recorded, migrations, options),
      signal && { signal },
    );
    return steps.map(({ migration, sql }) => ({ migration, sql: [...sql] }));
  }
}

function serversOf(groups: readonly Group[]): VersionPreview['servers'] {
  const names = [...new Set(groups.map(({ server }) => server))];
  return names.map((server) => ({ server, ...total(groups.filter((group) => group.server === server)) }));
}

function total(parts: readonly { readonly tenants: number; readonly units: number }[]) {
  const sumOf = (key: 'tenants' | 'units'): number => parts.reduce((sum, part) => sum + part[key], 0);
  return { tenants: sumOf('tenants'), units: sumOf('units') };
}
