import { SHARED_SCHEMA } from '../../../catalog/provided-database.js';
import { GATES } from '../../../database/gates/gate-objects.js';
import type { GateState } from '../../../database/gates/tenant-gate.js';
import { mapConcurrently } from '../../../platform/map-concurrently.js';
import type { CatalogContext, Check, TargetOfServer } from '../../diagnosis/check.js';
import { fail, type Finding, ok } from '../../diagnosis/finding.js';
import { queryServer } from '../../diagnosis/query-server.js';
import { isReachable } from '../login-roles.js';

const NAME = 'moved-rows';
const MAX_REPORTED = 20;

/** What a database knows of a tenant that moves or has moved. */
interface Gate {
  readonly tenant: string;
  readonly schema: string;
  readonly state: GateState;
  readonly target: TargetOfServer;
}

/** Where the catalog has a tenant. */
interface ServedTenant {
  readonly id: string;
  readonly slug: string;
  readonly target: string;
  readonly schema: string;
  /** Whether it was moved, and the move is not finished. */
  readonly isMoved: boolean;
  /** Whether a move of it or an operation on it is under way: these go on, or are reported as stuck. */
  readonly isExplained: boolean;
}

const ALL_GATES = `SELECT tenant_id::text AS tenant, schema, state FROM ${GATES}`;

const SERVED = `
  SELECT t.id::text AS id, t.slug, t.target_id::text AS target, t.schema_name AS schema,
    EXISTS (SELECT FROM operations o WHERE o.tenant_id = t.id AND o.status IN ('pending', 'running'))
      OR EXISTS (SELECT FROM moves m WHERE m.tenant_id = t.id AND m.state <> 'moved') AS "isExplained",
    EXISTS (SELECT FROM moves m WHERE m.tenant_id = t.id AND m.state = 'moved') AS "isMoved"
  FROM tenants t WHERE t.id = ANY ($1::uuid[]) AND t.target_id IS NOT NULL`;

/**
 * Compares where the catalog serves tenants with what their databases know of moves: where either has lost its last changes, writes
 * are refused that the other one would allow.
 */
export const movedRows: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const reachable = context.targets.filter(({ serverId }) => isReachable(context, serverId));
    const gates = (await mapConcurrently(reachable, (target) => gatesOf(target, context))).flat();
    const { rows: tenants } = await context.catalog.query<ServedTenant>(SERVED, [
      [...new Set(gates.map(({ tenant }) => tenant))],
    ]);
    const findings = tenants.filter(({ isExplained }) => !isExplained).flatMap((tenant) => compare(tenant, gates));
    return findings.length > 0
      ? findings.slice(0, MAX_REPORTED)
      : [ok(NAME, 'every tenant is served where its database has its rows')];
  },
};

/** None where no tenant was ever moved to or from. */
async function gatesOf(target: TargetOfServer, { owner, options }: CatalogContext): Promise<Gate[]> {
  try {
    return await queryServer(owner.of(target.server, target.database), options, async (client) => {
      const { rows: tables } = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
        GATES,
      ]);
      if (tables[0]?.exists !== true) return [];
      const { rows } = await client.query<Omit<Gate, 'target'>>(ALL_GATES);
      return rows.map((gate) => ({ ...gate, target }));
    });
  } catch {
    return []; // reported by the checks that need the database
  }
}

function compare({ id, slug, target, schema, isMoved }: ServedTenant, gates: readonly Gate[]): Finding[] {
  const own = gates.filter(({ tenant }) => tenant === id);
  const here = own.find((gate) => gate.target.id === target && gate.schema === schema);
  if (!here || here.state === 'open') return [];
  if (here.state === 'arriving') {
    const message = 'its database has lost the end of its move, and refuses its statements';
    return [fail(NAME, message, isMoved ? `tenants move-back ${slug}` : 'restore it from a backup', slug)];
  }
  if (isMoved) {
    const message = 'its rows are at its former place: the catalog has lost its way back';
    return [fail(NAME, message, `tenants move-back ${slug}`, slug)];
  }
  const there = own.find((gate) => gate !== here && gate.state === 'open');
  return [
    there
      ? fail(
          NAME,
          `its rows are at ${there.target.server.name}/${there.target.database}, schema ${there.schema}: the catalog has lost its move`,
          `tenants move ${slug} --isolation ${isolationAt(there)} --server ${there.target.server.name}`,
          slug,
        )
      : fail(
          NAME,
          'its rows have left for a place that the catalog has lost',
          `find it among the databases of the leftovers check, then: tenants move ${slug} --isolation database`,
          slug,
        ),
  ];
}

function isolationAt({ target, schema }: Gate): string {
  if (target.kind === 'dedicated') return 'database';
  return schema === (target.rowSchema ?? SHARED_SCHEMA) ? 'row' : 'schema';
}
