import { Injectable } from '@nestjs/common';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { UnauthenticatedError } from '../identification/identification.errors.js';
import type { MessageResolver, TenantMessage } from '../identification/message-resolver.js';
import type { ResolvedTenant } from '../identification/tenant-resolver.js';
import { CARRIER_PROPERTY } from '../carrier/carried-data.js';
import { type CarriedCall, TenantCarriers } from '../carrier/tenant-carriers.js';

/**
 * A message resolver for services of one installation: the tenant and the principal are those of the carrier that the sender has
 * put into the message's data, with `TenantJobs.carry(data)`. Extend it where the carrier travels in a header.
 */
@Injectable()
export class CarrierMessageResolver implements MessageResolver {
  /** @internal */
  constructor(private readonly carriers: TenantCarriers) {}

  /** @throws UnauthenticatedError for a carrier that is not valid, or has expired */
  resolve(message: TenantMessage): ResolvedTenant | undefined {
    const carrier = this.carrierOf(message);
    if (carrier === undefined) return undefined;
    const { tenantId, principal } = this.open(carrier);
    return { tenant: tenantId, ...(principal !== undefined && { principal }) };
  }

  /** The carrier of a message, not verified; undefined when it has none. */
  protected carrierOf({ data }: TenantMessage): unknown {
    const hasCarrier = typeof data === 'object' && data !== null && Object.hasOwn(data, CARRIER_PROPERTY);
    return hasCarrier ? (data as Record<string, unknown>)[CARRIER_PROPERTY] : undefined;
  }

  private open(carrier: unknown): CarriedCall {
    try {
      return this.carriers.open(carrier);
    } catch (error) {
      throw new UnauthenticatedError(reasonOf(error));
    }
  }
}
