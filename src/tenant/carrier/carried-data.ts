import { MissingCarrierError, UncarriableDataError } from './carrier.errors.js';

/** The reserved property of a job's or message's data in which its carrier travels. */
export const CARRIER_PROPERTY = 'tenantCarrier';

/** Data with the carrier of the tenant that it is for. */
export type CarriedData<Data extends object = object> = Data & { readonly [CARRIER_PROPERTY]: string };

/**
 * A copy of a job's or message's data, with the carrier in its reserved property. One that the data has already, from a
 * request's body for example, is replaced.
 *
 * @throws UncarriableDataError
 */
export function withCarrier<Data extends object>(data: Data, carrier: string): CarriedData<Data> {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new UncarriableDataError();
  return { ...data, [CARRIER_PROPERTY]: carrier };
}

/**
 * The carrier in a job's or message's data, not verified: `TenantConnectionService.resume` does that.
 *
 * @throws MissingCarrierError
 */
export function carrierIn(data: unknown): string {
  const hasCarrier = typeof data === 'object' && data !== null && Object.hasOwn(data, CARRIER_PROPERTY);
  const carrier = hasCarrier ? (data as Record<string, unknown>)[CARRIER_PROPERTY] : undefined;
  if (typeof carrier !== 'string') throw new MissingCarrierError();
  return carrier;
}
