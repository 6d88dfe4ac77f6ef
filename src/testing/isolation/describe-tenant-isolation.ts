import type { INestApplication } from '@nestjs/common';
import { checkTenantIsolation } from './check-tenant-isolation.js';
import { areaOf, type Finding, type FindingArea, lineOf } from './finding.js';
import { TenantIsolationError } from './isolation.errors.js';
import type { IsolationOptions } from './isolation-options.js';
import { detectRunner, type TestRunner } from './test-runner.js';

/** The application, or a function that returns it once `beforeAll` has made it. */
type ApplicationSource = INestApplication | (() => INestApplication | Promise<INestApplication>);

/** What is tried, and where the tests are registered. */
export interface DescribeIsolationOptions extends IsolationOptions {
  /** Where tests are registered. Default: the globals of Jest or Vitest, or `node:test`. */
  readonly runner?: TestRunner;
}

const TIMEOUT_MS = 120_000;

const TITLES: Readonly<Record<FindingArea, string>> = {
  database: 'keeps the rows of tenants apart in the database',
  entities: 'shows and changes no other tenant’s rows through an entity',
  routes: 'shows and changes no other tenant’s rows through a route',
};

/**
 * Registers tests that fail, one line for each finding of `checkTenantIsolation`.
 *
 * @throws NoTestRunnerError
 */
export function describeTenantIsolation(app: ApplicationSource, options: DescribeIsolationOptions = {}): void {
  const { runner = detectRunner(), timeoutMs = TIMEOUT_MS } = options;
  let checked: Promise<Finding[]> | undefined;
  const check = async (): Promise<Finding[]> =>
    checkTenantIsolation(typeof app === 'function' ? await app() : app, options);
  runner.describe('tenant isolation', () => {
    for (const [area, title] of Object.entries(TITLES)) {
      const test = async (): Promise<void> => {
        checked ??= check();
        const findings = (await checked).filter((finding) => areaOf(finding) === area);
        if (findings.length > 0) throw new TenantIsolationError(findings.map(lineOf));
      };
      runner.it(title, test, timeoutMs);
    }
  });
}
