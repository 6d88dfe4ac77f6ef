/** Requests of a tenant that are admitted per second and per day (UTC). */
export interface RequestLimits {
  readonly requestsPerSecond?: number | undefined;
  readonly requestsPerDay?: number | undefined;
}

/** The limit that a refused request is above. */
export type Exceeded = 'second' | 'day';

/** What an instance asks for, and what it says of what it has admitted and not used. */
export interface LeaseRequest {
  readonly tenantId: string;
  readonly limits: RequestLimits;
  /** Wanted tokens. */
  readonly perSecond: number;
  readonly perDay: number;
  /** Requests that were admitted without a token since the last answer: a second's at most, and today's. */
  readonly debt: number;
  readonly debtOfDay: number;
  /** Tokens of the second that are given back. */
  readonly unused: number;
  /** The most that was used on a day, as far as this instance knows: the count survives a Redis that was emptied. */
  readonly knownDay: number;
  readonly knownUsed: number;
}

export interface Lease {
  readonly perSecond: number;
  /** In how many ms a token of the second is free again, where none was given. */
  readonly waitMs: number;
  /** Tokens that all instances may still lease. */
  readonly leftOfSecond: number;
  readonly perDay: number;
  /** Days since 1970, by the clock of Redis. */
  readonly day: number;
  /** Of all instances, with what this lease holds. */
  readonly usedOfDay: number;
}

/** Undefined when Redis cannot be used. */
export type LeaseTokens = (request: LeaseRequest) => Promise<Lease | undefined>;
