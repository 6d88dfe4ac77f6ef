import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Place } from './stored-size-records.js';

/** A holder that does not renew for so long is taken for dead. Longer than a statement and the pause behind it. */
const HELD = "interval '2 minutes'";

const TAKE = `
  UPDATE size_rounds SET holder = $1, held_until = now() + ${HELD},
    started_at = CASE WHEN target_id IS NULL THEN now() ELSE started_at END
  WHERE held_until < now() AND next_at <= now()
  RETURNING target_id AS "targetId", schema_name AS schema`;
const KEEP = `
  UPDATE size_rounds SET held_until = now() + ${HELD}, target_id = coalesce($2, target_id), schema_name = coalesce($3, schema_name)
  WHERE holder = $1 AND held_until > now() RETURNING is_only`;
const PAUSE = "UPDATE size_rounds SET held_until = 'epoch' WHERE holder = $1";
const FINISH = `
  UPDATE size_rounds SET held_until = 'epoch', target_id = NULL, schema_name = NULL,
    next_at = greatest(now(), started_at + $2 * interval '1 minute')
  WHERE holder = $1 AND held_until > now()`;

type Rows<Row> = readonly [readonly Row[], number];

/** Raised when another instance goes on with the round: this one was frozen, or cut off from the catalog, for too long. */
export class RoundLostError extends Error {
  override readonly name = 'RoundLostError';

  constructor() {
    super('another instance goes on with the round of measurements');
  }
}

/** A round of measurements over all places, which one instance holds; another one goes on where it has died. */
export class SizeRound {
  private constructor(
    private readonly catalog: Pick<DataSource, 'query'>,
    private readonly holder: string,
    /** The last place that was measured; undefined at the beginning. */
    readonly after: Place | undefined,
  ) {}

  /** Undefined while none is due, or another instance holds it. */
  static async take(catalog: Pick<DataSource, 'query'>): Promise<SizeRound | undefined> {
    const holder = randomUUID();
    const [[row]] = await catalog.query<Rows<Place | { readonly targetId: null }>>(TAKE, [holder]);
    return row && new SizeRound(catalog, holder, row.targetId === null ? undefined : row);
  }

  /** @param measured the place that is done. @throws RoundLostError */
  async keep(measured?: Place): Promise<void> {
    const values = [this.holder, measured?.targetId, measured?.schema];
    const [rows] = await this.catalog.query<Rows<unknown>>(KEEP, values);
    if (rows.length === 0) throw new RoundLostError();
  }

  /** Another instance may go on. */
  async pause(): Promise<void> {
    await this.catalog.query(PAUSE, [this.holder]);
  }

  /** The next one begins so many minutes after this one has. */
  async finish(everyMinutes: number): Promise<void> {
    await this.catalog.query(FINISH, [this.holder, everyMinutes]);
  }
}
