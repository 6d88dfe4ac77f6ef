import { hash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { TenantAvailability } from '../admission/tenant-availability.js';
import { TenantConnectionService } from '../context/tenant-connection.service.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import type { Caller } from './caller.js';
import { decideCaller, UNKNOWN } from './decide-caller.js';
import { JwtVerifier } from './jwt-verifier.js';
import { type FactSources, RequestFacts } from './request-facts.js';
import type { TenantSelectors } from './selectors.js';
import { VerifiedSecrets } from './verified-secrets.js';

/**
 * Identifies the caller of a request: runs `decideCaller` with facts from memory, or loads those that are not there.
 */
@Injectable()
export class Authenticator {
  private readonly sources: FactSources;

  constructor(
    @Inject(APP_CONFIG) { security }: AppConfig,
    lookup: TenantLookup,
    jwt: JwtVerifier,
    connections: TenantConnectionService,
    availability: TenantAvailability,
  ) {
    const adminKeyHash = sha256(security.adminApiKey);
    const isAdminKey = (token: string): boolean => timingSafeEqual(sha256(token), adminKeyHash);
    this.sources = { lookup, jwt, connections, availability, secrets: new VerifiedSecrets(), isAdminKey };
  }

  /**
   * Never rejects: a problem with the credential is part of the result. Returns a promise only if a fact must be
   * loaded.
   */
  identify(authorization: string | undefined, selectors: TenantSelectors): Caller | Promise<Caller> {
    const facts = new RequestFacts(this.sources);
    const caller = decideCaller(authorization, selectors, facts);
    return caller === UNKNOWN ? loadAndDecide(authorization, selectors, facts) : caller;
  }
}

async function loadAndDecide(
  authorization: string | undefined,
  selectors: TenantSelectors,
  facts: RequestFacts,
): Promise<Caller> {
  for (;;) {
    await facts.load();
    const caller = decideCaller(authorization, selectors, facts);
    if (caller !== UNKNOWN) return caller;
  }
}

/** Hashing first gives both sides the same length, which a constant-time comparison requires. */
function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
