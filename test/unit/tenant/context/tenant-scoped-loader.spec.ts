import { expect, it } from '@jest/globals';
import { map, Subject } from 'rxjs';
import { keepTenantContext, tenantScopedLoader } from '../../../../src/index.js';
import { currentContext, runInContext } from '../../../../src/platform/context.js';

const ACME = { tenantId: 'acme' };
const BETA = { tenantId: 'beta' };

it('a loader belongs to one call, also among calls of the same tenant', () => {
  const loader = tenantScopedLoader(() => ({ of: currentContext()?.tenantId }));
  const ofAcme = runInContext(ACME, loader);
  expect(runInContext(ACME, loader)).toBe(ofAcme);
  expect(runInContext({ ...ACME }, loader)).not.toBe(ofAcme);
  expect(runInContext(BETA, loader)).toEqual({ of: 'beta' });
});

it('outside of a tenant context there is no loader', () => {
  const loader = tenantScopedLoader(() => ({}));
  expect(loader).toThrow(expect.objectContaining({ code: 'NO_TENANT_CONTEXT' }));
});

it('what follows keepTenantContext in a pipe runs for the subscriber, whichever call emits', () => {
  const events = new Subject<void>();
  const received: (string | undefined)[] = [];
  const tenantId = map(() => currentContext()?.tenantId);
  runInContext(ACME, () => events.pipe(keepTenantContext(), tenantId).subscribe((id) => received.push(id)));
  runInContext(BETA, () => events.next());
  events.next();
  expect(received).toEqual(['acme', 'acme']);
});
