import type pg from 'pg';

/** SQL condition: whether Citus is installed in the connected database. */
export const HAS_CITUS = `EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')`;

/** The same as a statement, whose row has it as `hasCitus`. */
export const ASK_FOR_CITUS = `SELECT ${HAS_CITUS} AS "hasCitus"`;

/** Whether Citus is installed in the connected database. */
export async function databaseHasCitus(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ hasCitus: boolean }>(ASK_FOR_CITUS);
  return rows[0]?.hasCitus === true;
}
