import type pg from 'pg';

/** SQL condition: whether Citus is installed in the connected database. */
export const HAS_CITUS = `EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')`;

/** Whether Citus is installed in the connected database. */
export async function databaseHasCitus(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ has_citus: boolean }>(`SELECT ${HAS_CITUS} AS has_citus`);
  return rows[0]?.has_citus === true;
}
