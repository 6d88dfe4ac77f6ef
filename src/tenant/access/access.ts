/** The callers that a route admits. */
export type Access = 'tenant' | 'public' | 'control-plane';

/** Under which the decorators store a route's `Access`. */
export const ACCESS = Symbol.for('tenantry/access');

/** How requests are identified and admitted. */
export interface AccessOptions {
  /** `global`: every route without a decorator is a tenant's; `explicit`: such a route is not guarded. */
  readonly guard: 'global' | 'explicit';
  /** Whether the resolver runs behind the application's own guards, which have put a user on the request. */
  readonly resolveAfterGuards: boolean;
}

/** Injection token of `AccessOptions`. */
export const ACCESS_OPTIONS = Symbol.for('tenantry/access-options');
