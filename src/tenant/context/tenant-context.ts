import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { TenantLimits } from '../../catalog/model/tenant-limits.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { type CallContext, currentContext, runInContext } from '../../platform/context.js';
import type { StatementSource } from '../../database/data-source/failed-statement.js';
import { sourceOf } from '../../database/data-source/tenant-data-source.js';
import { CallPositions, currentPositions } from '../../database/statements/positions/call-positions.js';
import { currentUsage, type Usage } from '../../database/statements/usage.js';
import { TenantCarriers } from '../carrier/tenant-carriers.js';
import { Features } from '../settings/features.js';
import type { TenantSettings } from '../settings/tenant-settings.js';
import { NoTenantContextError } from './context.errors.js';

/** The tenant of the current call, the data source with its rows, and what it may do. */
export interface TenantScope {
  readonly tenant: Tenant;
  readonly dataSource: DataSource;
  /** Those of `TenantConnectionService.scope` have them; a scope made by hand need not. */
  readonly settings?: Readonly<TenantSettings>;
  readonly features?: Features;
  /** Those that the tenant or its plan sets. */
  readonly limits?: TenantLimits;
}

/** What a call works for: the tenant's scope, and who asked for the work. */
export interface TenantCall<Principal = unknown> extends TenantScope {
  /** Its own, else its plan's, else the defaults: every declared key has a valid value. Frozen. */
  readonly settings: Readonly<TenantSettings>;
  readonly features: Features;
  /** Those that the tenant or its plan sets. Frozen. */
  readonly limits: TenantLimits;
  /** The verified caller: what the resolver returned, or a `CredentialPrincipal`; undefined outside of requests. */
  readonly principal?: Principal;
}

declare module '../../platform/context.js' {
  interface CallContext {
    /** The tenant of the call, with the `TenantContext` that set it: two applications in one process do not mix. */
    readonly tenant?: { readonly setBy: object; readonly call: TenantCall };
  }
}

/** A context that is open before it is known who the call works for. */
export type OpenContext = { -readonly [Property in keyof CallContext]: CallContext[Property] };

/** Of a scope that was made by hand. */
const NO_SETTINGS = Object.freeze({}) as TenantSettings;
const NO_FEATURES = new Features();
const NO_LIMITS: TenantLimits = Object.freeze({});

/** What a call has besides its tenant. */
export interface CallDetails {
  readonly principal?: unknown;
  /** Counters of the database usage of the call; by default those of the surrounding call. */
  readonly usage?: Usage | undefined;
}

/** How a call is captured. */
export interface CaptureOptions {
  /** Milliseconds until the carrier opens no more, by this instance's clock. By default it does not expire. */
  readonly expiresInMs?: number;
  /** What travels instead of the call's principal, as JSON; null: none. */
  readonly principal?: unknown;
}

/** The tenant of the current asynchronous call. */
@Injectable()
export class TenantContext {
  /** @internal */
  constructor(private readonly carriers: TenantCarriers) {}

  /** Runs `work`, and everything it awaits, for the scope's tenant. Scopes nest; the inner one wins while it lasts. */
  run<T>(scope: TenantScope, work: () => T, details: CallDetails = {}): T {
    return runInContext(this.contextOf(scope, details), work);
  }

  /** Makes everything that runs in an open context, from now on, work for the scope's tenant. */
  enter(context: OpenContext, scope: TenantScope, details: CallDetails): void {
    Object.assign(context, this.contextOf(scope, details));
  }

  /**
   * The tenant of the call, its data source, settings and features, and the principal.
   *
   * @throws NoTenantContextError outside of a tenant route and of `TenantConnectionService.run`
   */
  current<Principal = unknown>(): TenantCall<Principal> {
    const tenant = currentContext()?.tenant;
    if (tenant?.setBy !== this) throw new NoTenantContextError();
    return tenant.call as TenantCall<Principal>;
  }

  /**
   * The current call as a carrier: a text of at most 13 kB that a queue can hold, and only this installation can read or make.
   * `TenantConnectionService.resume` opens it and runs work for the same tenant and principal. It names the tenant by its id:
   * a renamed tenant is still meant, a new one with the same slug is not.
   *
   * @throws NoTenantContextError, UncarriablePrincipalError, InvalidCarrierExpiryError
   */
  capture({ expiresInMs, principal }: CaptureOptions = {}): string {
    const call = this.current();
    return this.carriers.seal(call.tenant.id, principal === undefined ? call.principal : principal, expiresInMs);
  }

  /** Whether `current` returns a tenant. */
  get isOpen(): boolean {
    return currentContext()?.tenant?.setBy === this;
  }

  private contextOf(scope: TenantScope, { principal, usage = currentUsage() }: CallDetails): CallContext {
    const call = principal === undefined && isComplete(scope) ? scope : callOf(scope, principal);
    return { usage, tenant: { setBy: this, call }, tenantId: scope.tenant.id, positions: positionsFor(scope) };
  }
}

/** What the tenant's calls have written so far, where its server has replicas: within a call, those of that one. */
function positionsFor({ tenant, dataSource }: TenantScope): CallPositions | undefined {
  const { access } = sourceOf(dataSource) as Partial<StatementSource>; // that of a scope made by hand has none
  if (!access?.hasReplicas) return undefined;
  const outer = currentPositions();
  return outer?.tenantId === tenant.id ? outer : new CallPositions(tenant.id);
}

function isComplete(scope: TenantScope): scope is TenantCall {
  return scope.settings !== undefined && scope.features !== undefined && scope.limits !== undefined;
}

function callOf(
  { tenant, dataSource, settings = NO_SETTINGS, features = NO_FEATURES, limits = NO_LIMITS }: TenantScope,
  principal: unknown,
): TenantCall {
  return { tenant, dataSource, settings, features, limits, principal };
}
