import { FUNCTIONS } from './functions.js';
import { KEYS } from './keys.js';
import { OBJECTS } from './objects.js';
import { PLANTED } from './planted.js';
import { READING } from './reading.js';
import { ROLES } from './roles.js';
import { SETTINGS } from './settings.js';
import { STAMPS } from './stamps.js';
import { WRITING } from './writing.js';

/**
 * One attack: a command, or several that follow each other on the same connection. Written for the tenant A against B:
 *
 * - `{A}`, `{B}`: the tenants' ids; `{a}`, `{b}`: their schemas, which row tenants share; `{proof}`: A's own proof
 * - `{id}`: the id of one of B's customers
 * - `{leak}`: an SQL expression whose value must never come back, for statements that return no values of B
 */
export type HostileSql = string | readonly string[];

/** By kind. */
export const HOSTILE_SQL: Readonly<Record<string, readonly HostileSql[]>> = {
  reading: READING,
  writing: WRITING,
  stamps: STAMPS,
  settings: SETTINGS,
  keys: KEYS,
  objects: OBJECTS,
  functions: FUNCTIONS,
  planted: PLANTED,
  roles: ROLES,
};

export function commandsOf(attack: HostileSql): readonly string[] {
  return typeof attack === 'string' ? [attack] : attack;
}

/** PostgreSQL lets a role change itself and the settings of its sessions: that keeps others out, and shows nothing. */
export function mayDeny(kind: string): boolean {
  return kind === 'roles' || kind === 'settings';
}
