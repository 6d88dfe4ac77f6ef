import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import { openMessage, sealMessage } from '../../platform/encryption/sealed-message.js';
import { parseJson } from '../../platform/parse-json.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { MAX_PRINCIPAL_BYTES, principalJson } from './carried-principal.js';
import { CarrierExpiredError, InvalidCarrierError, InvalidCarrierExpiryError } from './carrier.errors.js';

/** What a carrier says: for whom the work is, who has asked for it, and until when it may begin. */
export interface CarriedCall {
  readonly tenantId: string;
  /** Undefined when the call that was captured had none. */
  readonly principal?: unknown;
  /** Milliseconds since 1970; undefined: it does not expire. */
  readonly expiresAt?: number | undefined;
}

/** The format's version, which stands in front, and what its keys are derived for. */
const VERSION = 'tc1';
const PURPOSE = 'tenantry/tenant-carrier/1';

/** Salt, tag, tenant and expiry need less than a kilobyte; four characters carry three bytes. */
const MAX_LENGTH = Math.ceil(((MAX_PRINCIPAL_BYTES + 1_024) * 4) / 3);

const payload = z.strictObject({
  t: z.string().min(1).max(64),
  e: z.int().positive().optional(),
  p: z.unknown().optional(),
});

/**
 * Makes carriers and opens them. They are encrypted with authentication, by keys that are derived from `ENCRYPTION_KEYS`: only an
 * instance with the same keys makes one that opens, and readers of the queue learn nothing from it.
 */
@Injectable()
export class TenantCarriers {
  constructor(private readonly ring: KeyRing) {}

  /** @throws UncarriablePrincipalError, InvalidCarrierExpiryError */
  seal(tenantId: string, principal: unknown, expiresInMs?: number): string {
    if (expiresInMs !== undefined && !(Number.isSafeInteger(expiresInMs) && expiresInMs > 0))
      throw new InvalidCarrierExpiryError();
    const fields = [
      `"t":${JSON.stringify(tenantId)}`,
      ...(expiresInMs === undefined ? [] : [`"e":${Date.now() + expiresInMs}`]),
      ...(principal === undefined || principal === null ? [] : [`"p":${principalJson(principal)}`]),
    ];
    return `${VERSION}.${sealMessage(this.ring, `{${fields.join()}}`, PURPOSE)}`;
  }

  /** @throws InvalidCarrierError, CarrierExpiredError */
  open(carrier: unknown): CarriedCall {
    if (typeof carrier !== 'string' || carrier.length > MAX_LENGTH)
      throw new InvalidCarrierError('it is not a carrier');
    if (!carrier.startsWith(`${VERSION}.`)) throw new InvalidCarrierError('this version does not know its format');
    const { t: tenantId, e: expiresAt, p: principal } = this.parse(carrier.slice(VERSION.length + 1));
    if (expiresAt !== undefined && expiresAt <= Date.now()) throw new CarrierExpiredError(new Date(expiresAt));
    return { tenantId, principal, expiresAt };
  }

  private parse(message: string): z.infer<typeof payload> {
    const parsed = payload.safeParse(parseJson(this.decrypt(message)));
    if (!parsed.success) throw new InvalidCarrierError('its content is not that of a carrier');
    return parsed.data;
  }

  private decrypt(message: string): string {
    try {
      return openMessage(this.ring, message, PURPOSE);
    } catch (error) {
      throw new InvalidCarrierError(reasonOf(error), error);
    }
  }
}
