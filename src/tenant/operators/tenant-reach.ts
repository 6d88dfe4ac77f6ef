import type { Operator, TenantSelection } from '../../catalog/model/operator.js';

/**
 * A condition on a row of `tenants` named `alias`, and its two parameters from `$first` on: an operator's tenants, which are all
 * of them where both are null.
 */
export function inReach(alias: string, first: number): string {
  return `($${first}::uuid[] IS NULL OR ${alias}.id = ANY ($${first}) OR ${alias}.groups && $${first + 1}::text[])`;
}

/** The parameters of `inReach`. */
export function reachParameters(
  limitedTo: TenantSelection | undefined,
): readonly [tenantIds: readonly string[] | null, groups: readonly string[] | null] {
  return [limitedTo?.tenantIds ?? null, limitedTo?.groups ?? null];
}

/** Whether the operator may see what concerns no single tenant. */
export function reachesInstallation({ limitedTo }: Operator): boolean {
  return limitedTo === undefined;
}
