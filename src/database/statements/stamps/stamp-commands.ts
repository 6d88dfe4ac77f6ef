import type { Stamp } from './stamp.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const PROOF = /^(?:[0-9a-f]{64})?$/;
/** What `searchPathOf` returns. */
const SEARCH_PATH = /^"(?:[^"\0]|"")+", public, pg_temp$/;

/** Has Citus send the `SET LOCAL`s of the transaction to its workers; it sends neither `set_config()` nor a session's `SET`. */
export const PROPAGATE = `SET LOCAL citus.propagate_set_commands = 'local'`;

const commands = new WeakMap<Stamp, readonly string[]>();

/**
 * The stamp as commands of a transaction that was begun: one text for each, because Citus sends a whole text to its workers. The
 * values are part of the texts, as `SET` knows no parameters.
 *
 * @throws TypeError for a value that is none of a stamp
 */
export function stampCommands(stamp: Stamp): readonly string[] {
  const known = commands.get(stamp);
  if (known) return known;
  const { tenantId, proof, searchPath, statementTimeoutMs } = stamp;
  const made = [
    PROPAGATE,
    `SET LOCAL app.tenant_id = '${checked(tenantId, UUID, 'tenant id')}'`,
    `SET LOCAL app.tenant_proof = '${checked(proof, PROOF, 'proof')}'`,
    `SET LOCAL search_path = ${checked(searchPath, SEARCH_PATH, 'search path')}`,
  ];
  if (statementTimeoutMs !== undefined) made.push(`SET LOCAL statement_timeout = ${milliseconds(statementTimeoutMs)}`);
  if (stamp.isReadOnly) made.push(`SET LOCAL transaction_read_only = 'on'`);
  commands.set(stamp, made);
  return made;
}

function checked(value: string, pattern: RegExp, name: string): string {
  if (!pattern.test(value)) throw new TypeError(`a stamp whose ${name} has another form cannot be sent as a command`);
  return value;
}

function milliseconds(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError('a statement timeout is a whole number of ms');
  return value;
}
