import type pg from 'pg';

const HAS_NODES = `SELECT to_regclass('pg_dist_node') IS NOT NULL AS has_nodes`;
const INACTIVE = `
  SELECT format('%s:%s', nodename, nodeport) AS node FROM pg_dist_node
  WHERE noderole::text = 'primary' AND NOT (isactive AND hasmetadata AND metadatasynced) ORDER BY 1`;

/** The nodes of Citus, as `host:port`, that do not take part, or do not know where shards are. */
export async function inactiveNodes(client: pg.ClientBase): Promise<string[]> {
  const { rows: found } = await client.query<{ has_nodes: boolean }>(HAS_NODES);
  if (found[0]?.has_nodes !== true) return [];
  return (await client.query<{ node: string }>(INACTIVE)).rows.map(({ node }) => node);
}
