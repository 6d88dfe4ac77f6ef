import { timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SignInError } from '../../../admin/operators/sign-in.errors.js';
import { readCookie } from '../../../http/requests/cookies.js';
import { APP_CONFIG, type AppConfig, type OidcConfig } from '../../../platform/config/app-config.js';
import { DecryptionError, KeyRing } from '../../../platform/encryption/key-ring.js';
import { openMessage, sealMessage } from '../../../platform/encryption/sealed-message.js';
import { cookieAttributes, hostCookie } from '../../../tenant/operators/session-cookie.js';

const PURPOSE = 'operator-sign-in';
/** For a password and a second factor. */
const FLOW_SECONDS = 600;

const secret = z.string().min(1).max(200);
const sealedFlow = z.strictObject({ state: secret, nonce: secret, verifier: secret, expiresAtMs: z.number() });

/** The secrets of one attempt to sign in. */
export type SignInFlow = Readonly<Omit<z.infer<typeof sealedFlow>, 'expiresAtMs'>>;

/**
 * Keeps an attempt in a cookie of the browser that began it, encrypted: any instance can finish it, and nothing is stored for those
 * that are never finished. `SameSite=Lax`, because the provider's redirect comes from another site.
 */
@Injectable()
export class SignInFlows {
  private readonly name: string;
  private readonly oidc: OidcConfig;

  constructor(
    @Inject(APP_CONFIG) { security }: AppConfig,
    private readonly ring: KeyRing,
  ) {
    this.oidc = security.oidc!;
    this.name = hostCookie('tenantry-sign-in', this.oidc);
  }

  /** The value of a `Set-Cookie`. */
  store(flow: SignInFlow): string {
    const sealed = JSON.stringify({ ...flow, expiresAtMs: Date.now() + FLOW_SECONDS * 1_000 });
    return this.cookie(sealMessage(this.ring, sealed, PURPOSE), FLOW_SECONDS);
  }

  /** Likewise. */
  forget(): string {
    return this.cookie('', 0);
  }

  /** The attempt that an answer belongs to. @throws SignInError (OIDC_STATE_MISMATCH, OIDC_EXPIRED) */
  find(cookies: string | undefined, query: string): SignInFlow {
    const { expiresAtMs, ...flow } = this.opened(readCookie(cookies, this.name));
    const states = new URLSearchParams(query).getAll('state');
    if (states.length !== 1 || !isSame(states[0]!, flow.state)) throw new SignInError('OIDC_STATE_MISMATCH');
    if (expiresAtMs < Date.now()) throw new SignInError('OIDC_EXPIRED');
    return flow;
  }

  private opened(sealed: string | undefined): z.infer<typeof sealedFlow> {
    if (sealed === undefined) throw new SignInError('OIDC_STATE_MISMATCH');
    try {
      return sealedFlow.parse(JSON.parse(openMessage(this.ring, sealed, PURPOSE)));
    } catch (error) {
      if (error instanceof DecryptionError) throw new SignInError('OIDC_STATE_MISMATCH', { cause: error });
      throw error;
    }
  }

  private cookie(value: string, maxAgeSeconds: number): string {
    return `${this.name}=${value}; ${cookieAttributes(this.oidc.publicOrigin, 'Lax', maxAgeSeconds)}`;
  }
}

function isSame(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}
