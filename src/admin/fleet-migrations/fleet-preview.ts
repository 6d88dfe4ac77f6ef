import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { newestMigration } from '../../database/table-migrations/migration-names.js';
import { previewMigrations } from '../../database/table-migrations/preview-migrations.js';
import { TargetUnavailableError } from '../../database/connection/connection.errors.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { failureOf } from '../../operations/operation-execution.js';
import type { FleetPreviewView, PreviewRequest, VersionPreview } from './fleet-migration.schemas.js';
import { HAS_TABLES, needsMigrationSql, timestampIn } from './fleet-sql.js';
import { assertTenantsExist } from './assert-tenants-exist.js';

/** The tenants with one version on one server. */
interface Group {
  readonly version: string;
  readonly server: string;
  readonly tenants: number;
  readonly units: number;
  /** Connection target of one of the units. */
  readonly targetId: string;
}

type Preview = Pick<VersionPreview, 'migrations' | 'failure'>;

const GROUPS = `
  WITH behind AS (
    SELECT t.target_id, t.schema_name, t.schema_version, t.slug
    FROM tenants t
    WHERE ${HAS_TABLES} AND ${needsMigrationSql('$1')}
  )
  SELECT b.schema_version AS version, s.name AS server, count(*)::int AS tenants,
         count(DISTINCT (b.target_id, b.schema_name))::int AS units, min(b.target_id::text) AS "targetId"
  FROM behind b JOIN connection_targets c ON c.id = b.target_id JOIN servers s ON s.id = c.server_id
  WHERE $2::text[] IS NULL OR EXISTS (
    SELECT FROM behind named
    WHERE named.target_id = b.target_id AND named.schema_name = b.schema_name AND named.slug = ANY ($2))
  GROUP BY b.schema_version, s.name
  ORDER BY b.schema_version, s.name`;

/** Shows what a fleet migration would do. No tenant's data is locked or changed. */
@Injectable()
export class FleetPreview {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly targets: TargetDatabases,
  ) {}

  /**
   * For each version in use, counts the tenants and shows the SQL that would run. To find that out, the migrations run
   * in a scratch schema in the database of one of the tenants.
   *
   * @throws ValidationFailedError when the request names a tenant that does not exist
   */
  async preview(request: PreviewRequest, signal?: AbortSignal): Promise<FleetPreviewView> {
    const { tenants: slugs } = request;
    await assertTenantsExist(this.catalog.manager, { tenants: slugs });
    const to = newestMigration(this.schema.migrations);
    const groups = await this.catalog.query<Group[]>(GROUPS, [timestampIn(to), slugs ?? null]);
    const versions: VersionPreview[] = [];
    for (const from of new Set(groups.map(({ version }) => version))) {
      const ofVersion = groups.filter(({ version }) => version === from);
      const servers = ofVersion.map(({ server, tenants, units }) => ({ server, tenants, units }));
      versions.push({
        from,
        ...total(servers),
        servers,
        ...(await this.previewVersion(from, ofVersion, request, signal)),
      });
    }
    return { to, ...total(versions), versions };
  }

  /** Uses the first server that is available: the SQL is the same on all of them. */
  private async previewVersion(
    from: string,
    groups: readonly Group[],
    request: PreviewRequest,
    signal: AbortSignal | undefined,
  ): Promise<Preview> {
    let unavailable: TargetUnavailableError | undefined;
    for (const { targetId } of groups) {
      try {
        return { migrations: await this.previewOnTarget(targetId, from, request, signal), failure: null };
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
    from: string,
    { lockTimeoutMs, attempts }: PreviewRequest,
    signal: AbortSignal | undefined,
  ): Promise<VersionPreview['migrations']> {
    const target = await this.targets.find(targetId);
    const { migrations, typeorm } = this.schema;
    const options = { lockTimeoutMs, attempts, namingStrategy: typeorm?.namingStrategy, ...(signal && { signal }) };
    const steps = await this.targets.use(
      target,
      (client) => previewMigrations(client, from, migrations, options),
      signal && { signal },
    );
    return steps.map(({ migration, sql }) => ({ migration, sql: [...sql] }));
  }
}

function total(parts: readonly { readonly tenants: number; readonly units: number }[]) {
  const sumOf = (key: 'tenants' | 'units'): number => parts.reduce((sum, part) => sum + part[key], 0);
  return { tenants: sumOf('tenants'), units: sumOf('units') };
}
