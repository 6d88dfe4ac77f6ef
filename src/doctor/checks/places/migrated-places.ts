import { isUnservedSql, unservedValues } from '../../../catalog/tenant-tables/migration-set-sql.js';
import { HAS_TABLES } from '../../../admin/fleet-migrations/fleet-sql.js';
import { missingFrom } from '../../../database/table-migrations/versions/migration-set.js';
import { recordedMigrationsOf } from '../../../database/table-migrations/versions/recorded-migrations.js';
import { mapConcurrently } from '../../../platform/map-concurrently.js';
import type { CatalogContext, TargetOfServer } from '../../diagnosis/check.js';
import { queryServer } from '../../diagnosis/query-server.js';
import { isReachable, nameOfTarget } from '../login-roles.js';
import { reasonOf } from '../../../platform/errors/reason-of.js';

/** Further ones usually have the same cause. */
const MAX_REPORTED = 20;

/** What the catalog knows about one set of tables. */
interface Place {
  readonly targetId: string;
  readonly schema: string;
  /** One of its tenants. */
  readonly slug: string;
  /** The migrations that it has; null when that is not known. */
  readonly recorded: readonly string[] | null;
  /** Whether it is known to be behind this code. */
  readonly isBehind: boolean;
}

/** A set of tables that has other migrations than the catalog has it. */
interface DifferingPlace {
  readonly subject: string;
  readonly slug: string;
  /** Migrations that the catalog records, or takes for granted, and the tables do not have. */
  readonly lacking: readonly string[];
  readonly beyondCatalog: readonly string[];
  readonly isBehind: boolean;
}

export interface MigratedPlaces {
  readonly differing: readonly DifferingPlace[];
  /** Those that differ and are not in `differing`. */
  readonly omitted: number;
  readonly unread: readonly { readonly subject: string; readonly reason: string }[];
  /** Number of sets of tables with migrations that this code does not have. */
  readonly beyondCode: number;
}

const PLACES = `
  SELECT t.target_id AS "targetId", t.schema_name AS schema, min(t.slug) AS slug, m.names AS recorded,
         bool_or(${isUnservedSql('$1', '$2')}) AS "isBehind"
  FROM tenants t LEFT JOIN migration_sets m ON m.digest = t.migration_set
  WHERE ${HAS_TABLES}
  GROUP BY t.target_id, t.schema_name, m.names
  ORDER BY slug`;

/** Compares the migrations that each set of tables records itself with the catalog's summary. */
export async function placesThatDiffer(context: CatalogContext, names: readonly string[]): Promise<MigratedPlaces> {
  const { rows } = await context.catalog.query<Place>(PLACES, unservedValues(names));
  const reachable = context.targets.filter(({ serverId }) => isReachable(context, serverId));
  const perTarget = await mapConcurrently(reachable, (target) =>
    compare(
      target,
      rows.filter(({ targetId }) => targetId === target.id),
      context,
      names,
    ),
  );
  const differing = perTarget.flatMap((target) => target.differing);
  return {
    differing: differing.slice(0, MAX_REPORTED),
    omitted: Math.max(0, differing.length - MAX_REPORTED),
    unread: perTarget.flatMap((target) => target.unread),
    beyondCode: perTarget.reduce((sum, target) => sum + target.beyondCode, 0),
  };
}

async function compare(
  target: TargetOfServer,
  places: readonly Place[],
  { owner, options }: CatalogContext,
  names: readonly string[],
): Promise<Omit<MigratedPlaces, 'omitted'>> {
  if (places.length === 0) return { differing: [], unread: [], beyondCode: 0 };
  try {
    const recorded = await queryServer(owner.of(target.server, target.database), options, async (client) => {
      const { rows } = await client.query<{ schema: string }>(
        'SELECT nspname AS schema FROM pg_namespace WHERE nspname = ANY ($1)', // another check reports the others
        [places.map(({ schema }) => schema)],
      );
      return recordedMigrationsOf(
        client,
        rows.map(({ schema }) => schema),
      );
    });
    return {
      differing: places.flatMap((place) => {
        const present = recorded.get(place.schema);
        return present ? differenceOf(place, present, target, names) : [];
      }),
      unread: [],
      beyondCode: [...recorded.values()].filter((present) => missingFrom(names, present).length > 0).length,
    };
  } catch (error) {
    return { differing: [], unread: [{ subject: nameOfTarget(target), reason: reasonOf(error) }], beyondCode: 0 };
  }
}

function differenceOf(
  { schema, slug, recorded, isBehind }: Place,
  present: readonly string[],
  { server, database }: TargetOfServer,
  names: readonly string[],
): DifferingPlace[] {
  // Without a summary, tables that are not known to be behind are taken to have all migrations.
  const expected = recorded ?? (isBehind ? [] : names);
  const lacking = missingFrom(present, expected);
  const beyondCatalog = recorded === null ? [] : missingFrom(recorded, present);
  if (lacking.length === 0 && beyondCatalog.length === 0) return [];
  return [{ subject: `${server.name}/${database} ${schema}`, slug, lacking, beyondCatalog, isBehind }];
}
