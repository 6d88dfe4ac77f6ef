import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { endsWithin } from '../../platform/timeout.js';
import { CATALOG, CATALOG_POOL } from '../catalog-data-source.js';
import { divide, type Holder } from './division.js';
import { OvertakenRenewalError } from './instances.errors.js';
import { lendable, serverLimit } from './server-limit.js';

/** Seconds without a sign of life after which an instance may be dead. An instance counts its own from earlier on, and stops earlier. */
export const SILENT_SECONDS = 10;
/** Until a server's limit is known. Every PostgreSQL admits as many. */
const UNMEASURED_LIMIT = 10;
/** For statements of the transaction, and the time between them: an instance that freezes in it holds up no other one. */
const TIMEOUT_MS = 2_000;
/** How long an unused connection takes at most. */
const CONNECT_MS = 250;

/** Who asks. */
export interface AskingInstance {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly worker: number | null;
}

/** What an instance says of its connections to a server. */
export interface Claim {
  readonly serverId: string;
  /** The most it has open, or opens, until it has the answer. */
  readonly held: number;
  readonly need: number;
  readonly least: number;
  readonly open: number;
  readonly waiting: number;
}

/** What an instance may open on a server, what it should come down to, and what it cannot do without there. */
export interface LentShare {
  readonly serverId: string;
  readonly share: number;
  readonly target: number;
  readonly least: number;
}

/** An instance without a sign of life that has a share of a server. */
export interface SilentShare {
  readonly serverId: string;
  readonly instanceId: string;
}

export interface Renewal {
  readonly lent: readonly LentShare[];
  readonly silent: readonly SilentShare[];
  readonly limits: readonly ServerLimit[];
}

/** Connections of all instances together. */
interface ServerLimit {
  readonly serverId: string;
  /** Null while it follows from what the server allows, and that is not known. */
  readonly limit: number | null;
  /** It follows from what the server allows, which has to be asked for from time to time. */
  readonly dependsOnCapacity: boolean;
}

interface ServerRow {
  readonly id: string;
  readonly isCatalogs: boolean;
  readonly dependsOnCapacity: boolean;
  readonly isKnown: boolean;
  readonly limit: number;
  readonly holders: readonly (Holder & { readonly isSilent: boolean })[];
}

const BEGIN = `
  SET LOCAL lock_timeout = ${TIMEOUT_MS}; SET LOCAL idle_in_transaction_session_timeout = ${TIMEOUT_MS};
  SELECT pg_advisory_xact_lock(hashtext('${LOCK_NAMES.connectionShares}'))`;

const SIGN_OF_LIFE = `
  INSERT INTO instances AS i (id, name, pid, worker, renewal) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp(), renewal = excluded.renewal WHERE i.renewal < excluded.renewal
  RETURNING id`;

const SERVERS = `
  SELECT s.id, s.host IS NULL AS "isCatalogs", s.host IS NOT NULL AND s.max_connections IS NULL AS "dependsOnCapacity",
    ${serverLimit('s')} IS NOT NULL AS "isKnown",
    coalesce(${serverLimit('s')}, ${UNMEASURED_LIMIT}) AS limit,
    coalesce(jsonb_agg(jsonb_build_object('instanceId', c.instance_id, 'share', c.share, 'need', c.need, 'least', c.least,
      'isSilent', i.heartbeat_at < clock_timestamp() - interval '${SILENT_SECONDS} seconds')) FILTER (WHERE i.id IS NOT NULL), '[]') AS holders
  FROM servers s
  LEFT JOIN (connection_shares c JOIN instances i ON i.id = c.instance_id) ON c.server_id = s.id
  WHERE s.id = ANY ($1)
  GROUP BY s.id`;

const WRITE = `
  INSERT INTO connection_shares (server_id, instance_id, share, need, least, open, waiting)
  SELECT "serverId", $1, share, need, least, open, waiting
  FROM jsonb_to_recordset($2) AS r ("serverId" uuid, share int, need int, least int, open int, waiting int)
  ON CONFLICT (server_id, instance_id) DO UPDATE
  SET share = excluded.share, need = excluded.need, least = excluded.least, open = excluded.open, waiting = excluded.waiting`;

const RETURN = `
  DELETE FROM connection_shares c USING instances i
  WHERE c.server_id = $1 AND c.instance_id = $2 AND i.id = c.instance_id
    AND i.heartbeat_at < clock_timestamp() - interval '${SILENT_SECONDS} seconds'`;

/** An instance without shares: it has stopped, or its connections are gone everywhere. */
const FORGET = `
  DELETE FROM instances i
  WHERE i.heartbeat_at < clock_timestamp() - interval '${SILENT_SECONDS} seconds'
    AND NOT EXISTS (SELECT FROM connection_shares c WHERE c.instance_id = i.id)`;

/** What each instance may open of each server's connections, in the catalog; one instance at a time changes it. */
@Injectable()
export class ConnectionShares {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /**
   * Gives a sign of life, and divides the servers' connections again. What was lent to an instance whose share is gone is gone:
   * such a claim counts as none.
   *
   * @param renewal rises with each call: one that was overtaken by a later one changes nothing
   * @throws OvertakenRenewalError
   */
  renew(instance: AskingInstance, renewal: number, claims: readonly Claim[]): Promise<Renewal> {
    return this.locked(async (catalog) => {
      const { id, name, pid, worker } = instance;
      const alive = await catalog.query<unknown[]>(SIGN_OF_LIFE, [id, name, pid, worker, renewal]);
      if (alive.length === 0) throw new OvertakenRenewalError();
      const servers = await catalog.query<ServerRow[]>(SERVERS, [claims.map(({ serverId }) => serverId)]);
      const divided = servers.map((server) => {
        const claim = claims.find(({ serverId }) => serverId === server.id) as Claim;
        return { ...claim, ...divideServer(server, id, claim) };
      });
      await catalog.query(WRITE, [id, JSON.stringify(divided)]);
      return {
        lent: divided.map(({ serverId, share, target, least }) => ({ serverId, share, target, least })),
        silent: servers.flatMap(({ id: serverId, holders }) =>
          holders
            .filter(({ isSilent, instanceId }) => isSilent && instanceId !== id)
            .map(({ instanceId }) => ({ serverId, instanceId })),
        ),
        limits: servers.map(({ id: serverId, dependsOnCapacity, isKnown, limit }) => ({
          serverId,
          limit: isKnown ? limit : null,
          dependsOnCapacity,
        })),
      };
    });
  }

  /** Takes back what an instance that is still silent was lent of a server. */
  takeBack({ serverId, instanceId }: SilentShare): Promise<void> {
    return this.locked(async (catalog) => {
      await catalog.query(RETURN, [serverId, instanceId]);
      await catalog.query(FORGET);
    });
  }

  /** Gives everything back. */
  async leave(instanceId: string): Promise<void> {
    await this.catalog.query('DELETE FROM instances WHERE id = $1', [instanceId]);
  }

  private async locked<T>(work: (catalog: EntityManager) => Promise<T>): Promise<T> {
    const runner = await this.connect();
    try {
      return await runner.manager.transaction(async (catalog) => {
        await catalog.query(BEGIN);
        return work(catalog);
      });
    } finally {
      await runner.release();
    }
  }

  /**
   * A connection that the pool opens for a caller may wait for a slot that only a renewal frees, while others of the pool become idle.
   * So it is asked again: once it opens no more, it gives the first that is idle.
   */
  private async connect(): Promise<QueryRunner> {
    for (let attempt = 1; ; attempt += 1) {
      const runner = this.catalog.createQueryRunner();
      const connecting = runner.connect();
      if (attempt > CATALOG_POOL.max) await connecting;
      else if (!(await endsWithin(connecting, CONNECT_MS))) {
        void connecting.then(
          () => runner.release(),
          () => undefined, // its own attempt is over
        );
        continue;
      }
      return runner;
    }
  }
}

function divideServer(
  { limit, isCatalogs, holders }: ServerRow,
  instanceId: string,
  { held, need, least }: Claim,
): Omit<LentShare, 'serverId'> {
  const all = lendable(limit, isCatalogs);
  const ownLeast = Math.min(least, all); // a limit may be smaller than that
  const others = holders.filter((holder) => holder.instanceId !== instanceId);
  const own = holders.find((holder) => holder.instanceId === instanceId);
  const share = own ? Math.min(own.share, held) : 0;
  const division = divide(all, [...others, { instanceId, share, need, least: ownLeast }], instanceId);
  return { ...division, least: ownLeast };
}
