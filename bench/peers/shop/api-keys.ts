import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The tenant that a key belongs to: where its tables are, which a single-tenant program ignores. */
export interface Holder {
  readonly database: string;
  readonly schema: string;
}

interface KnownKey {
  readonly hash: Buffer;
  readonly holder: Holder;
}

const SHAPE = /^Bearer tnt_([a-z0-9]{16})_([\w-]{43})$/;

/** All keys in memory, read from a file: no lookup, expiry or revocation, which is kinder than any real service. */
export class ApiKeys {
  private readonly byId: ReadonlyMap<string, KnownKey>;

  constructor(path: string) {
    const keys = JSON.parse(readFileSync(path, 'utf8')) as (Holder & { id: string; secretHash: string })[];
    this.byId = new Map(
      keys.map(({ id, secretHash, database, schema }) => [
        id,
        { hash: Buffer.from(secretHash, 'hex'), holder: { database, schema } },
      ]),
    );
  }

  /** SHA-256 of the secret, compared in constant time, as the application does it. */
  holderOf(authorization: string | undefined): Holder | undefined {
    const match = SHAPE.exec(authorization ?? '');
    const known = match && this.byId.get(match[1]!);
    if (!known) return undefined;
    const given = createHash('sha256').update(match[2]!).digest();
    return timingSafeEqual(given, known.hash) ? known.holder : undefined;
  }

  holders(): Holder[] {
    return [...this.byId.values()].map(({ holder }) => holder);
  }
}
