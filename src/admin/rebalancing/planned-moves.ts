import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { type Labels, lackingLabels } from '../../catalog/model/labels.js';
import type { TenantStatus } from '../../catalog/model/tenant.js';
import type { OperationRun } from '../../operations/operation-kind.js';
import { drainingRefusal, labelsRefusal } from '../placement/placement.errors.js';
import { departureActor, hasMoved } from '../emptying/departures.js';

/** A move of a plan. Ids only: a slug in it would outlive its tenant. */
export const plannedMove = z.object({
  ...{ tenantId: z.guid(), fromServerId: z.guid(), toServerId: z.guid() },
  reason: z.enum(['load', 'labels']),
});
type PlannedMove = z.infer<typeof plannedMove>;

/** A planned move whose tenant is not where it is to go, and was not moved yet. */
export interface OpenMove {
  readonly id: string;
  readonly slug: string;
  readonly from: string;
  readonly to: string;
  /** Why it is not to be made any more: an operator has decided otherwise since. */
  readonly obsolete: string | undefined;
}

type Row = Omit<OpenMove, 'to' | 'obsolete'> & {
  readonly to: string | null;
  readonly toLabels: Labels;
  readonly draining: boolean;
  readonly status: TenantStatus;
  readonly at: string;
  readonly atId: string;
  readonly atLabels: Labels;
  readonly wanted: Labels | null;
  readonly reason: PlannedMove['reason'];
};

// A tenant that was moved stays out of it, also when an operator has moved it back.
const OPEN = `
  SELECT t.id, t.slug, t.status, t.placement_labels AS wanted, m.from_id AS "from", m.reason,
         a.id AS "atId", a.name AS at, a.labels AS "atLabels", s.name AS to, s.labels AS "toLabels", s.draining
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) WITH ORDINALITY AS m (tenant_id, from_id, to_id, reason, number)
    JOIN tenants t ON t.id = m.tenant_id JOIN connection_targets c ON c.id = t.target_id
    JOIN servers a ON a.id = c.server_id LEFT JOIN servers s ON s.id = m.to_id
  WHERE a.id <> m.to_id AND NOT ${hasMoved('t.id', '$5')} ORDER BY m.number`;

/** Looks at planned moves again, as each may begin long after the plan was made. */
@Injectable()
export class PlannedMoves {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** In the order of the plan. Capacities and rights are decided when a move is requested. */
  async open({ id, input: { moves } }: OperationRun<{ readonly moves: readonly PlannedMove[] }>): Promise<OpenMove[]> {
    const rows = await this.catalog.query<Row[]>(OPEN, [
      moves.map(({ tenantId }) => tenantId),
      moves.map(({ fromServerId }) => fromServerId),
      moves.map(({ toServerId }) => toServerId),
      moves.map(({ reason }) => reason),
      departureActor(id),
    ]);
    return rows.map((row) => ({
      ...{ id: row.id, slug: row.slug, from: row.from, to: row.to ?? '', obsolete: obsoleteBecause(row) },
    }));
  }
}

function obsoleteBecause(row: Row): string | undefined {
  const { status, at, to, reason } = row;
  if (status !== 'active') return `it is ${status}`;
  if (row.atId !== row.from) return `it is on ${at} now`;
  if (to === null) return 'the server where it was to go is no longer registered';
  const target = { name: to, labels: row.toLabels };
  if (row.draining) return drainingRefusal(target).publicMessage;
  const lacking = labelsRefusal(target, row.wanted ?? {});
  if (lacking) return lacking.publicMessage;
  const isWellPlaced = reason === 'labels' && lackingLabels(row.wanted ?? {}, row.atLabels).length === 0;
  return isWellPlaced ? `${at} has the labels that it wants` : undefined;
}
