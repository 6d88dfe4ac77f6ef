import { Inject, Injectable } from '@nestjs/common';
import { createRemoteJWKSet, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { deepFreeze } from '../../platform/deep-freeze.js';
import type { VerifiedToken } from './decide-caller.js';
import { UnauthenticatedError } from './identification.errors.js';

// Only asymmetric algorithms with a published key set: a public key must never be accepted as an HMAC secret.
const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];
const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'];
const CLOCK_TOLERANCE_SECONDS = 5;

/**
 * Verifies a JSON Web Token's signature, validity period, issuer and audience, and reads the tenant that it was issued for.
 * Claims: RFC 7519 §4.1.
 */
@Injectable()
export class JwtVerifier {
  private readonly key: Uint8Array | JWTVerifyGetKey | undefined;
  private readonly options: JWTVerifyOptions;
  private readonly tenantClaim: string;

  constructor(@Inject(APP_CONFIG) { security: { jwt } }: AppConfig) {
    this.tenantClaim = jwt.tenantClaim;
    this.options = {
      algorithms: jwt.jwksUrl === undefined ? SECRET_ALGORITHMS : PUBLIC_KEY_ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['exp'], // a token without it would never expire
      ...(jwt.issuer !== undefined && { issuer: jwt.issuer }),
      ...(jwt.audience !== undefined && { audience: jwt.audience }),
    };
    if (jwt.jwksUrl !== undefined) this.key = createRemoteJWKSet(new URL(jwt.jwksUrl));
    else if (jwt.secret !== undefined) this.key = new TextEncoder().encode(jwt.secret);
  }

  /** Whether a verification key is configured; otherwise no token is accepted. */
  get enabled(): boolean {
    return this.key !== undefined;
  }

  /**
   * The slug or id in the tenant claim, with all claims.
   *
   * @throws UnauthenticatedError when the token is invalid or names no tenant
   */
  async verify(token: string): Promise<VerifiedToken> {
    const claims = await this.claimsOf(token);
    const tenant = claims[this.tenantClaim];
    if (typeof tenant !== 'string' || tenant === '') throw new UnauthenticatedError(`no "${this.tenantClaim}" claim`);
    return { tenant, principal: { kind: 'jwt', claims: deepFreeze(claims) } };
  }

  private async claimsOf(token: string): Promise<Record<string, unknown>> {
    if (!this.key) throw new UnauthenticatedError('no key for verifying tokens is configured');
    try {
      const verified = await (typeof this.key === 'function'
        ? jwtVerify(token, this.key, this.options)
        : jwtVerify(token, this.key, this.options));
      return verified.payload;
    } catch (error) {
      throw new UnauthenticatedError(error instanceof Error ? error.message : 'the token is invalid');
    }
  }
}
