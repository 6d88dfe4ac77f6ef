/** What an application's tests import from `tenantry/testing`. */
export { startTestTenancy, type TestTenancyOptions } from './testing/start-test-tenancy.js';
export type { TestApplicationOptions } from './testing/test-application.js';
export type { NewTestTenant, TestTenancy, TestTenant } from './testing/test-tenancy.js';
export { TestDatabaseNotUsedError, TestServerMissingError, TestTenantOutdatedError } from './testing/testing.errors.js';
export { withTenant, type WithTenantOptions } from './testing/with-tenant.js';
export { checkTenantIsolation } from './testing/isolation/check-tenant-isolation.js';
export {
  describeTenantIsolation,
  type DescribeIsolationOptions,
} from './testing/isolation/describe-tenant-isolation.js';
export type { Finding, FindingCode } from './testing/isolation/finding.js';
export { NoTestRunnerError, TenantIsolationError } from './testing/isolation/isolation.errors.js';
export type {
  BodyFactory,
  Classification,
  IsolationOptions,
  RowFactory,
  RowRequest,
} from './testing/isolation/isolation-options.js';
export type { TestRunner } from './testing/isolation/test-runner.js';
