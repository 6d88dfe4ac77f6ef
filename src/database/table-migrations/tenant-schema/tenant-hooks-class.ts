/** A class of the application with hooks of a tenant's life, as `onTenant` declares it. */
export interface TenantHooksClass {
  /** In operations, records and the log. */
  readonly name: string;
  readonly type: new (...dependencies: never[]) => object;
  /** The events that it has a method for. */
  readonly events: readonly string[];
  /** Whether an operation fails with the hook. */
  readonly required: boolean;
  readonly timeoutMs: number;
}
