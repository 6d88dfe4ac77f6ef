/** What an application's tests import from `tenantry/testing`. */
export { startTestTenancy, type TestTenancyOptions } from './testing/start-test-tenancy.js';
export type { TestApplicationOptions } from './testing/test-application.js';
export type { NewTestTenant, TestTenancy, TestTenant } from './testing/test-tenancy.js';
export { TestDatabaseNotUsedError, TestServerMissingError } from './testing/testing.errors.js';
export { withTenant, type WithTenantOptions } from './testing/with-tenant.js';
