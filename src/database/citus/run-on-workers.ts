import type pg from 'pg';
import { CitusWorkerError } from './citus.errors.js';

const RUN = `
  SELECT format('%s:%s', nodename, nodeport) AS worker, split_part(result, E'\\n', 1) AS reason
  FROM run_command_on_workers($1) WHERE NOT success ORDER BY 1`;

/**
 * Runs one command on each worker of Citus as the connected role, outside the transaction that is open here.
 *
 * @throws CitusWorkerError
 */
export async function runOnWorkers(client: pg.ClientBase, command: string): Promise<void> {
  const { rows } = await client.query<{ worker: string; reason: string }>(RUN, [command]);
  if (rows.length > 0) {
    throw new CitusWorkerError(
      rows.map(({ worker }) => worker),
      rows[0]?.reason ?? 'unknown',
    );
  }
}
