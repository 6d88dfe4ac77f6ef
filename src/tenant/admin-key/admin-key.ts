import { hash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { parseOperatorKey } from '../../catalog/model/operator.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { AddressBackoff } from './address-backoff.js';
import { RateLimitedError } from './admin-key.errors.js';
import { type AttemptOrigin, RefusedAttempts } from './refused-attempts.js';

/** What a token is, compared with the admin key. `none`: it has another form, so that it is no attempt to guess that or an operator's key. */
export type AdminKeyCheck = 'same' | 'wrong' | 'delayed' | 'none';

/** The admin key, guarded against guessing. */
@Injectable()
export class AdminKey {
  private readonly backoff = new AddressBackoff();
  private readonly keyHash: Buffer;
  private readonly keyForm: string;
  /** Refused attempts since the start, for metrics. */
  readonly refused = { wrong: 0, delayed: 0 };

  constructor(
    @Inject(APP_CONFIG) { security }: AppConfig,
    private readonly attempts: RefusedAttempts,
  ) {
    this.keyHash = sha256(security.adminApiKey);
    this.keyForm = formOf(security.adminApiKey);
  }

  /** Compares in constant time; not at all during a back-off of the address. */
  check(token: string, { address }: AttemptOrigin): AdminKeyCheck {
    if (formOf(token) !== this.keyForm && !parseOperatorKey(token)) return 'none';
    if (this.backoff.remainingMs(address) > 0) return 'delayed';
    return timingSafeEqual(sha256(token), this.keyHash) ? 'same' : 'wrong';
  }

  /**
   * Call it for a checked token that turned out to be no other valid credential either.
   *
   * @returns the error to answer with when it was not compared
   */
  refuse(check: 'wrong' | 'delayed', token: string, origin: AttemptOrigin): RateLimitedError | undefined {
    this.refused[check] += 1;
    const hasBegun = check === 'wrong' && this.hasBegunBackoff(token, origin);
    this.attempts.record(origin, hasBegun);
    return check === 'delayed' ? new RateLimitedError(this.backoff.remainingMs(origin.address)) : undefined;
  }

  /** Repeats of an operator's key cost look-ups, of the admin key nothing. */
  private hasBegunBackoff(token: string, { address }: AttemptOrigin): boolean {
    const attempt = sha256(token).toString('base64');
    return this.backoff.failed(address, attempt, parseOperatorKey(token) !== null);
  }
}

/** Tenants' credentials have forms that an admin key seldom has: expired ones are no guesses. */
function formOf(token: string): 'api-key' | 'jwt' | 'other' {
  if (token.startsWith('tnt_')) return 'api-key';
  return /^[\w-]+\.[\w-]*\.[\w-]*$/.test(token) ? 'jwt' : 'other';
}

/** Hashing first gives both sides the same length, which a constant-time comparison requires. */
function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
