import { Injectable } from '@nestjs/common';
import { AdminKey } from '../admin-key/admin-key.js';
import type { AttemptOrigin } from '../admin-key/refused-attempts.js';
import { TenantAvailability } from '../admission/tenant-availability.js';
import { TenantConnectionService } from '../context/tenant-connection.service.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { OperatorSessionLookup } from '../operators/operator-session-lookup.js';
import { OperatorKeyLookup } from '../operators/operator-key-lookup.js';
import type { Caller } from './caller.js';
import {
  type CallerFacts,
  decideCaller,
  decideResolvedCaller,
  decideSessionCaller,
  type Fact,
  UNKNOWN,
} from './decide-caller.js';
import { UnauthenticatedError } from './identification.errors.js';
import { JwtVerifier } from './jwt-verifier.js';
import { type FactSources, RequestFacts } from './request-facts.js';
import type { TenantSelectors } from './selectors.js';
import type { ResolvedTenant } from './tenant-resolver.js';
import { VerifiedSecrets } from './verified-secrets.js';

/** Of credentials that are no operator's. */
const NO_ADMIN_KEY: FactSources['adminKey'] = { check: () => 'none' };
const NO_OPERATORS: FactSources['operatorKeys'] = { find: async () => null };

type Decision = (facts: CallerFacts) => Fact<Caller>;

/**
 * Identifies the caller of a request: runs `decideCaller` with facts from memory, or loads those that are not there.
 */
@Injectable()
export class Authenticator {
  private readonly sources: FactSources;
  private readonly sourcesOfTenants: FactSources;
  private readonly sourcesOfOpenResponses: FactSources;

  constructor(
    private readonly adminKey: AdminKey,
    lookup: TenantLookup,
    jwt: JwtVerifier,
    connections: TenantConnectionService,
    availability: TenantAvailability,
    operatorKeys: OperatorKeyLookup,
    operatorSessions: OperatorSessionLookup,
  ) {
    const secrets = new VerifiedSecrets();
    const operators = { adminKey, operatorKeys, operatorSessions };
    this.sources = { lookup, jwt, connections, availability, secrets, ...operators };
    this.sourcesOfOpenResponses = { ...this.sources, adminKey: NO_ADMIN_KEY };
    this.sourcesOfTenants = { ...this.sources, adminKey: NO_ADMIN_KEY, operatorKeys: NO_OPERATORS };
  }

  /**
   * Never rejects: a problem with the credential is part of the result. Returns a promise only if a fact must be
   * loaded.
   */
  identify(
    authorization: string | undefined,
    selectors: TenantSelectors,
    origin: AttemptOrigin,
  ): Caller | Promise<Caller> {
    return this.decide((facts) => decideCaller(authorization, selectors, facts), origin);
  }

  /** The same for the token of an operator's session. @param isAdmitted as with `identifyAgain` */
  identifySession(token: string, origin: AttemptOrigin, isAdmitted = false): Caller | Promise<Caller> {
    const sources = isAdmitted ? this.sourcesOfOpenResponses : this.sources;
    return this.decide((facts) => decideSessionCaller(token, facts), origin, sources);
  }

  /** The same for tenants only. What is no tenant's may be the application's own, and counts as no guess of the admin key. */
  identifyTenant(
    authorization: string | undefined,
    selectors: TenantSelectors,
    origin: AttemptOrigin,
  ): Caller | Promise<Caller> {
    return this.decide((facts) => decideCaller(authorization, selectors, facts), origin, this.sourcesOfTenants);
  }

  /**
   * The same for a caller that was admitted with an operator's key before, and has a response open: that is no further attempt,
   * which would count, and which failures of others at the same address would delay.
   */
  identifyAgain(
    authorization: string | undefined,
    selectors: TenantSelectors,
    origin: AttemptOrigin,
  ): Caller | Promise<Caller> {
    return this.decide((facts) => decideCaller(authorization, selectors, facts), origin, this.sourcesOfOpenResponses);
  }

  /** The same for a caller whom the application has identified. */
  identifyResolved(
    resolved: ResolvedTenant,
    selectors: TenantSelectors,
    origin: AttemptOrigin,
  ): Caller | Promise<Caller> {
    return this.decide((facts) => decideResolvedCaller(resolved, selectors, facts), origin);
  }

  private decide(
    decision: Decision,
    origin: AttemptOrigin,
    sources: FactSources = this.sources,
  ): Caller | Promise<Caller> {
    const facts = new RequestFacts(sources, origin);
    const caller = decision(facts);
    if (caller === UNKNOWN) return this.loadAndDecide(decision, facts);
    return caller.kind === 'refused' ? this.afterAttempt(caller, facts) : caller;
  }

  private async loadAndDecide(decision: Decision, facts: RequestFacts): Promise<Caller> {
    for (;;) {
      await facts.load();
      const caller = decision(facts);
      if (caller !== UNKNOWN) return caller.kind === 'refused' ? this.afterAttempt(caller, facts) : caller;
    }
  }

  /** Counts a credential that was compared with the admin key and belongs to no tenant either. */
  private afterAttempt(caller: Extract<Caller, { kind: 'refused' }>, { adminKeyCheck, origin }: RequestFacts): Caller {
    if (!(caller.rejection instanceof UnauthenticatedError)) return caller;
    if (adminKeyCheck?.result !== 'wrong' && adminKeyCheck?.result !== 'delayed') return caller;
    const rejection = this.adminKey.refuse(adminKeyCheck.result, adminKeyCheck.token, origin);
    return rejection ? { kind: 'refused', rejection } : caller;
  }
}
