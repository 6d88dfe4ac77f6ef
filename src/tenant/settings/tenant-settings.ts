/**
 * The settings of a tenant, as the application declares them; `TenantContext.current().settings` has this type.
 *
 *     declare module 'tenantry' {
 *       interface TenantSettings extends SettingValues<typeof orderSettings> {}
 *     }
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- the application adds to it
export interface TenantSettings {}

/**
 * The feature flags that the application declares, each a `boolean`. Until one is declared, every name is accepted.
 *
 *     declare module 'tenantry' {
 *       interface TenantFeatureFlags { reports: boolean }
 *     }
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- the application adds to it
export interface TenantFeatureFlags {}

/** Name of a feature flag that the application has declared. */
export type FeatureName = [keyof TenantFeatureFlags] extends [never]
  ? string
  : Extract<keyof TenantFeatureFlags, string>;
