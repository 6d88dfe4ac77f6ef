import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { superuserOf } from '../postgres/postgres.js';

/** An advisory lock that the test holds and a halted worker waits for. */
const HALT = 424_242;

const TRIGGER = `
  CREATE TABLE halt_points (kind text, point text);
  CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    IF EXISTS (SELECT FROM halt_points h WHERE h.kind = NEW.kind AND (
      h.point = NEW.step AND NEW.step IS DISTINCT FROM OLD.step
      OR h.point = NEW.status AND NEW.status <> OLD.status)) THEN
      PERFORM pg_advisory_lock(${HALT});
    END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER halt BEFORE UPDATE ON operations FOR EACH ROW EXECUTE FUNCTION halt();
  CREATE FUNCTION halt_switch() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
  BEGIN
    IF EXISTS (SELECT FROM halt_points h WHERE h.kind = 'switch' AND h.point = TG_ARGV[0]) THEN
      PERFORM pg_advisory_xact_lock(${HALT});
    END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER halt_claim BEFORE UPDATE ON moves FOR EACH ROW
    WHEN (NEW.switching IS DISTINCT FROM OLD.switching) EXECUTE FUNCTION halt_switch('claim');
  CREATE TRIGGER halt_flip BEFORE UPDATE ON moves FOR EACH ROW
    WHEN (NEW.switching = OLD.switching) EXECUTE FUNCTION halt_switch('flip')`;

/**
 * Stops operations at chosen points, from inside the catalog: in the statement that records that a step is finished and
 * the next one begins, so that the finished step is done but not recorded.
 */
export class HaltPoints {
  private constructor(private readonly client: pg.Client) {}

  static async in(database: string): Promise<HaltPoints> {
    const client = new pg.Client(superuserOf(database));
    await client.connect();
    await client.query(TRIGGER);
    await client.query(`SELECT pg_advisory_lock(${HALT})`);
    await client.query('GRANT SELECT ON halt_points TO PUBLIC');
    return new HaltPoints(client);
  }

  /** @param point a step that begins, or a status that is reached; of `switch`, `claim` and `flip`, within the switch of a move */
  async set(kind: string, point: string): Promise<void> {
    await this.client.query('INSERT INTO halt_points VALUES ($1, $2)', [kind, point]);
  }

  /** Resolves once a worker is halted. */
  async reached(): Promise<void> {
    const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${HALT} AND NOT granted`;
    while ((await this.client.query(waiting)).rowCount === 0) await delay(10);
  }

  /** Removes all halt points, and ends the connection of a halted worker as the worker's death would. */
  async lift(): Promise<void> {
    await this.client.query('DELETE FROM halt_points');
    await this.client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks
       WHERE locktype = 'advisory' AND objid = ${HALT} AND NOT granted`,
    );
  }

  /** Removes all halt points, and has a halted switch go on. */
  async pass(): Promise<void> {
    await this.client.query('DELETE FROM halt_points');
    await this.client.query(`SELECT pg_advisory_unlock(${HALT})`);
    await this.client.query(`SELECT pg_advisory_lock(${HALT})`); // behind those that wait
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
