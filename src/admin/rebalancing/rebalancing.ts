import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { lackingLabels } from '../../catalog/model/labels.js';
import { type Isolation, ISOLATIONS } from '../../catalog/model/tenant.js';
import { PlacementFacts, SAMPLED_HOURS } from '../placement/placement-facts.js';
import { PlacementRights } from '../provisioning/placement-rights.js';
import {
  type MovableTenant,
  planRebalance,
  type ProposedMove,
  type RebalanceFacts,
  type RebalanceOptions,
  type RebalancePlan,
} from './rebalance-plan.js';
import type { RebalanceView } from './rebalance.schemas.js';

/** Tenants that a move could begin for now. */
const MOVABLE = `
  WITH used AS (
    SELECT tenant_id, sum(database_ms) AS ms FROM usage_hours WHERE hour = ANY (ARRAY(SELECT ${SAMPLED_HOURS})) GROUP BY 1
  )
  SELECT t.id, t.slug, c.server_id AS "serverId", t.isolation, t.placement_labels AS labels, b.bytes::float8 AS bytes,
         coalesce(used.ms, 0) AS "databaseMs"
  FROM tenants t JOIN connection_targets c ON c.id = t.target_id
    LEFT JOIN stored_sizes b ON b.tenant_id = t.id LEFT JOIN used ON used.tenant_id = t.id
  WHERE t.status = 'active' AND t.spare_server_id IS NULL
    AND NOT EXISTS (SELECT FROM moves m WHERE m.tenant_id = t.id)
    AND NOT EXISTS (SELECT FROM operations o WHERE o.tenant_id = t.id AND o.status IN ('pending', 'running'))
  ORDER BY t.slug`;

/** Proposes moves between servers. Changes nothing. */
@Injectable()
export class Rebalancing {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly facts: PlacementFacts,
    private readonly rights: PlacementRights,
  ) {}

  async preview(options: RebalanceOptions): Promise<RebalanceView> {
    return toView(await this.plan(this.catalog.manager, options), options.goal);
  }

  async plan(catalog: EntityManager, options: RebalanceOptions): Promise<RebalancePlan> {
    const servers = await this.facts.servers(catalog, 0);
    const tenants = await catalog.query<MovableTenant[]>(MOVABLE);
    const lacking = new Map<Isolation, ReadonlySet<string>>();
    for (const isolation of ISOLATIONS)
      lacking.set(isolation, await this.rights.serversWithout(catalog, servers, isolation));
    const lacksRights: RebalanceFacts['lacksRights'] = (id, isolation) => lacking.get(isolation)?.has(id) ?? false;
    return planRebalance({ servers, tenants, lacksRights }, options);
  }
}

function toView({ moves, loads, reachesGoal, leastLoadBytes }: RebalancePlan, goal: number): RebalanceView {
  const before = new Map(loads.map(({ server, before: load }) => [server.id, load]));
  return {
    ...{ goal, reachesGoal },
    fullest: {
      before: rounded(Math.max(0, ...loads.map((each) => each.before))),
      after: rounded(Math.max(0, ...loads.map((each) => each.after))),
    },
    bytes: Math.round(moves.reduce((sum, { bytes }) => sum + bytes, 0)),
    leastBytes: Math.floor(leastLoadBytes),
    moves: moves.map((move) => ({
      ...{ tenant: move.tenant.slug, tenantId: move.tenant.id, isolation: move.tenant.isolation },
      ...{ from: move.from.name, to: move.to.name, bytes: Math.round(move.bytes) },
      reason: reasonOf(move, before.get(move.from.id) ?? 0),
    })),
    servers: loads.map((each) => ({
      ...{ server: each.server.name, before: rounded(each.before), after: rounded(each.after) },
    })),
  };
}

function reasonOf({ reason, tenant, from }: ProposedMove, load: number): string {
  if (reason === 'load') return `${from.name} has ${rounded(load).toFixed(2)} times its fair part`;
  return `${from.name} lacks ${lackingLabels(tenant.labels ?? {}, from.labels).join(', ')}`;
}

function rounded(load: number): number {
  return Math.round(load * 10_000) / 10_000;
}
