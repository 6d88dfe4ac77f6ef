import { createHmac } from 'node:crypto';

export const JWT_SECRET = 'a secret of this fixture, shared with its issuer';
/** Clocks may differ by so much. */
const TOLERANCE_SECONDS = 5;

/** A token that is accepted for about five seconds from now. */
export function expiringToken(tenant: string): { readonly token: string; readonly isExpired: () => boolean } {
  const exp = Math.floor(Date.now() / 1000);
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ tenant, exp })}`;
  const token = `${signed}.${createHmac('sha256', JWT_SECRET).update(signed).digest('base64url')}`;
  return { token, isExpired: () => Date.now() / 1000 > exp + TOLERANCE_SECONDS + 1 };
}
