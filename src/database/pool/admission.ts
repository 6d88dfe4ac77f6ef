/** Makes the error that a tenant's work is rejected with; a new one for each caller. */
export type Rejection = () => Error;

/** Decides whether a tenant may use connections. Consulted before each one is handed out. */
export interface Admission {
  /** Whether `enter` would let the tenant pass without waiting. */
  isOpen(tenantId: string): boolean;
  /**
   * @returns what to wait for before going on, if anything
   * @throws (or rejects with) the tenant's rejection
   */
  enter(tenantId: string): Promise<void> | undefined;
  /** For a connection that took long to open: by what is known now. @throws the tenant's rejection */
  assertServed(tenantId: string): void;
  /** Nothing is decided or revoked after this. */
  close(): void;
}

/** For pools on their own: every tenant is served. */
export const ADMIT_ALL: Admission = {
  isOpen: () => true,
  enter: () => undefined,
  assertServed: () => undefined,
  close: () => undefined,
};
