/** Creates the error that rejects a tenant's work; a new one for each caller. */
export type Rejection = () => Error;

/** Decides whether a tenant may use connections. Consulted before each connection is handed out. */
export interface Admission {
  /** Whether `enter` would admit the tenant without waiting. */
  isOpen(tenantId: string): boolean;
  /**
   * @returns a promise to await before going on, or undefined when the tenant is admitted at once
   * @throws (or rejects with) the tenant's rejection
   */
  enter(tenantId: string): Promise<void> | undefined;
  /** Checks the last known status, for a connection that took long to open. @throws the tenant's rejection */
  assertServed(tenantId: string): void;
  /** After this, nothing is decided or revoked. */
  close(): void;
}

/** For pools used without admission control: every tenant is served. */
export const ADMIT_ALL: Admission = {
  isOpen: () => true,
  enter: () => undefined,
  assertServed: () => undefined,
  close: () => undefined,
};
