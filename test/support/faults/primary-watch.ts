import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { PASSWORDS } from '../postgres/embedded-server.js';
import type { PatroniNode } from './patroni-node.js';

const EVERY_MS = 20;
const WITHIN_MS = 120_000;
const ANSWER_WITHIN_MS = 1_000;
/** Waits for the synchronous standby, as every commit does. */
const COMMIT_SOMETHING = { text: `SELECT pg_logical_emit_message(true, 'test', '')`, query_timeout: WITHIN_MS };

/** A node has become the primary. Moments are of `performance.now()`. */
export interface Promotion {
  readonly node: PatroniNode;
  readonly promotedAtMs: number;
  /** It has acknowledged a commit, for which it may have waited for its standby. */
  readonly readyAtMs: number;
}

/** Resolves when a node other than the former primary is one. Asks every node all the time, past its network. */
export async function nextPrimary(nodes: readonly PatroniNode[], former: PatroniNode): Promise<Promotion> {
  const over = new AbortController();
  try {
    return await Promise.any(nodes.filter((node) => node !== former).map((node) => promotionOf(node, over.signal)));
  } finally {
    over.abort();
  }
}

async function promotionOf(node: PatroniNode, signal: AbortSignal): Promise<Promotion> {
  const deadline = performance.now() + WITHIN_MS;
  let client: pg.Client | undefined;
  try {
    while (performance.now() < deadline && !signal.aborted) {
      client ??= await connectTo(node);
      const isPrimary = await acceptsWrites(client);
      if (client && isPrimary) {
        const promotedAtMs = performance.now();
        await client.query(COMMIT_SOMETHING);
        return { node, promotedAtMs, readyAtMs: performance.now() };
      }
      if (isPrimary === undefined) client = void client?.end().catch(() => undefined);
      await delay(EVERY_MS);
    }
  } finally {
    await client?.end();
  }
  throw new Error(`node ${node.name} has not become the primary`);
}

/** @returns undefined when it cannot be asked */
async function acceptsWrites(client: pg.Client | undefined): Promise<boolean | undefined> {
  try {
    const answer = await client?.query<{ is: boolean }>('SELECT NOT pg_is_in_recovery() AS is');
    return answer?.rows[0]?.is;
  } catch {
    return undefined;
  }
}

async function connectTo({ directAddress }: PatroniNode): Promise<pg.Client | undefined> {
  const client = new pg.Client({
    ...{ ...directAddress, user: 'postgres', password: PASSWORDS.superuser, database: 'postgres' },
    ...{ connectionTimeoutMillis: ANSWER_WITHIN_MS, query_timeout: ANSWER_WITHIN_MS },
  });
  client.on('error', () => undefined); // the query rejects with it
  try {
    await client.connect();
    return client;
  } catch {
    return undefined; // it does not run
  }
}
