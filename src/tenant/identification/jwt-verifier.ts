import { Inject, Injectable } from '@nestjs/common';
import { createRemoteJWKSet, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { UnauthenticatedError } from './identification.errors.js';

// With a published key set only asymmetric algorithms: a public key must never pass as an HMAC secret.
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

/** Verifies a JSON Web Token's signature and times, and reads the tenant it was issued for. */
@Injectable()
export class JwtVerifier {
  private readonly key: Uint8Array | JWTVerifyGetKey | undefined;
  private readonly algorithms: string[];
  private readonly tenantClaim: string;

  constructor(@Inject(APP_CONFIG) { security: { jwt } }: AppConfig) {
    this.tenantClaim = jwt.tenantClaim;
    this.algorithms = jwt.jwksUrl === undefined ? SECRET_ALGORITHMS : PUBLIC_KEY_ALGORITHMS;
    if (jwt.jwksUrl !== undefined) this.key = createRemoteJWKSet(new URL(jwt.jwksUrl));
    else if (jwt.secret !== undefined) this.key = new TextEncoder().encode(jwt.secret);
  }

  /** Tokens are accepted only when a key to verify them with is configured. */
  get enabled(): boolean {
    return this.key !== undefined;
  }

  /**
   * The slug or id in the tenant claim.
   *
   * @throws UnauthenticatedError when the token does not verify or names no tenant
   */
  async tenantOf(token: string): Promise<string> {
    const claim = (await this.verify(token))[this.tenantClaim];
    if (typeof claim !== 'string' || claim === '') throw new UnauthenticatedError(`no "${this.tenantClaim}" claim`);
    return claim;
  }

  private async verify(token: string): Promise<Record<string, unknown>> {
    if (!this.key) throw new UnauthenticatedError('no key is configured to verify tokens with');
    const options = {
      algorithms: this.algorithms,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['exp'], // one without it would be good for ever
    };
    try {
      const verified = await (typeof this.key === 'function'
        ? jwtVerify(token, this.key, options)
        : jwtVerify(token, this.key, options));
      return verified.payload;
    } catch (error) {
      throw new UnauthenticatedError(error instanceof Error ? error.message : 'the token does not verify');
    }
  }
}
