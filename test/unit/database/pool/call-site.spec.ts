import { expect, it } from '@jest/globals';
import { runInThisContext } from 'node:vm';
import { CallSite } from '../../../../src/database/pool/leases.js';

/** The call site of a call that goes through a function in `file`. */
function callSiteThrough(file: string): CallSite {
  const through = runInThisContext('(function through(call) { return call(); })', { filename: file });
  return (through as (call: () => CallSite) => CallSite)(() => new CallSite());
}

it.each([
  '/host/src/database/pool/target-pool.ts',
  '/host/dist/database/transactions/stamped-client.js',
  '/host/node_modules/tenantry/lib/esm/database/pool/target-pool.js',
  '/host/node_modules/tenantry/lib/cjs/database/statements/tenant-access.js',
  String.raw`C:\host\node_modules\tenantry\lib\cjs\database\pool\target-pool.js`,
])('a call site leaves out frames of the database layer in %s', (file) => {
  expect(callSiteThrough(file).stack).not.toContain('through');
});

it.each(['/host/dist/orders/orders.service.js', '/host/lib/database/pool/own.js'])(
  'a call site has the frames of the application in %s',
  (file) => {
    expect(callSiteThrough(file).stack).toContain(`through (${file}`);
  },
);
