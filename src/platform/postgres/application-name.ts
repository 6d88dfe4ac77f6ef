/** What an instance keeps a connection for. `signed`: a tenant's, whose stamps carry a proof; former releases have none. */
export type ConnectionPurpose =
  'signed' | 'signed notifications' | 'catalog' | 'central' | 'health' | 'operations' | 'owner';

/** A name of PostgreSQL's has room for the longest purpose and this. */
const ID_SEPARATOR = ' @';

/**
 * The `application_name` of a connection: what it is for and, at its end, whose it is. So a server tells which connections of an
 * instance are still open.
 *
 * @param instanceId `instanceIdOf` its configuration
 */
export function applicationName(purpose: ConnectionPurpose, instanceId: string): string {
  return `tenantry ${purpose}${ID_SEPARATOR}${instanceId}`;
}

/**
 * A condition in SQL: whether a session's connection is kept for this, by any instance; by one of former releases, whose name ends
 * with the purpose, as well.
 *
 * @param name the expression for its `application_name`
 */
export function isNamedFor(purpose: ConnectionPurpose, name = 'application_name'): string {
  const former = `tenantry ${purpose}`;
  return `(${name} = '${former}' OR starts_with(${name}, '${former}${ID_SEPARATOR}'))`;
}

/** A condition in SQL: whether a session's connection is one of the instance's. @param id the expression for its id */
export function isNamedAs(id: string, name = 'application_name'): string {
  return `(starts_with(${name}, 'tenantry ') AND right(${name}, ${ID_SEPARATOR.length} + length(${id})) = '${ID_SEPARATOR}' || ${id})`;
}
