import type { WalkedCall } from '../routes/route-check.js';
import { different, isIdentifying, keyValue, renewed, valueNamed } from '../routes/route-request.js';
import type { TenantRow } from '../tables/tenant-rows.js';
import type { TestedRows } from '../tables/tested-rows.js';
import type { TestedTenant } from '../tested-tenant.js';
import type { GraphqlOperationField } from './graphql-endpoint.js';
import { type ArgumentSource, graphqlRequests } from './graphql-request.js';

/** A query or mutation with the other tenant's rows in its arguments. */
export function walkedOperation(
  operation: GraphqlOperationField,
  rows: TestedRows,
  [self, other]: readonly [TestedTenant, TestedTenant],
): WalkedCall {
  const isReading = operation.kind === 'query';
  const sources = isReading
    ? [...rows.of(other), ...rows.of(self)].map(valuesOf)
    : rows.of(other).flatMap((row) => {
        const own = rows.of(self).find((each) => each.table === row.table && !each.isShared);
        return row.isShared || !own ? [] : [idsOf(row, own)];
      });
  const requests = sources.flatMap((source) => graphqlRequests(operation, source));
  return {
    name: operation.name,
    isReading,
    requests: different(requests.length > 0 ? requests : graphqlRequests(operation, NOTHING)),
    isAnswer: ({ status, text }) => status === 200 && !/"errors"\s*:\s*\[/.test(text),
  };
}

const NOTHING: ArgumentSource = { named: () => undefined, key: undefined };

function valuesOf(row: TenantRow): ArgumentSource {
  return { named: (name) => valueNamed(name, row), key: keyValue(row) };
}

/** Ids of the other tenant's row, and else what the caller's own row has: what a mutation writes is shown later. */
function idsOf(row: TenantRow, own: TenantRow): ArgumentSource {
  return {
    named: (name) => (isIdentifying(name, row) ? valueNamed(name, row) : renewed(valueNamed(name, own))),
    key: keyValue(row),
  };
}
