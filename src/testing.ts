/** What an application's tests import from `tenantry/testing`. */
export { startTestTenancy, type TestTenancyOptions } from './testing/start-test-tenancy.js';
export type { TestApplicationOptions } from './testing/test-application.js';
export type { TestTenancy } from './testing/running-tenancy.js';
export type { NewTestTenant, TestTenant } from './testing/test-tenants.js';
export { TestDatabaseNotUsedError } from './testing/testing.errors.js';
export { withTenant, type WithTenantOptions } from './testing/with-tenant.js';
