import pg from 'pg';
import { ISOLATION_SCHEMA } from './isolation-functions.js';

const KEYS_DIGEST = `
  SELECT coalesce(encode(sha256(string_agg(inner_block || outer_block, ''::bytea ORDER BY inner_block)), 'hex'), '')
  FROM ${ISOLATION_SCHEMA}.keys`;
const ASK = `SELECT format('%s:%s', nodename, nodeport) AS worker, success, result FROM run_command_on_workers($1) ORDER BY 1`;

/** What a worker of Citus lacks. */
export interface WorkerProblem {
  /** `host:port` */
  readonly worker: string;
  readonly problem: string;
}

/**
 * What the workers lack so that a stamp is known there: the login role, the functions of the policies, and the database's keys. A
 * worker that cannot be asked has a problem, too.
 *
 * @param client connected as the owner, to a database with Citus
 */
export async function workerProblems(client: pg.ClientBase, role: string): Promise<WorkerProblem[]> {
  const { rows: own } = await client.query<{ coalesce: string }>(KEYS_DIGEST);
  const objects = await ask(
    client,
    `SELECT CASE
       WHEN to_regrole(${pg.escapeLiteral(pg.escapeIdentifier(role))}) IS NULL THEN 'has no login role ' || ${pg.escapeLiteral(role)}
       WHEN to_regprocedure('${ISOLATION_SCHEMA}.may_read()') IS NULL OR to_regprocedure('${ISOLATION_SCHEMA}.may_write()') IS NULL
         THEN 'has no functions for signed stamps'
       WHEN to_regclass('${ISOLATION_SCHEMA}.keys') IS NULL THEN 'has no keys of stamps'
       ELSE '' END`,
  );
  const problems = objects.filter(({ problem }) => problem !== '');
  if (problems.length > 0) return problems;
  const digests = await ask(client, KEYS_DIGEST);
  return digests
    .filter(({ problem }) => problem !== own[0]?.coalesce)
    .map(({ worker }) => ({ worker, problem: 'has other keys of stamps' }));
}

async function ask(client: pg.ClientBase, command: string): Promise<WorkerProblem[]> {
  const { rows } = await client.query<{ worker: string; success: boolean; result: string }>(ASK, [command]);
  return rows.map(({ worker, success, result }) => ({
    worker,
    problem: success ? result : `cannot be asked: ${result.split('\n')[0]}`,
  }));
}
