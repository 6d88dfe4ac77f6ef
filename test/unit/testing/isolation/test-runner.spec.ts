import { afterEach, describe, expect, it } from '@jest/globals';
import { describeTenantIsolation } from '../../../../src/testing.js';
import { detectRunner } from '../../../../src/testing/isolation/test-runner.js';

type Globals = Partial<Record<'describe' | 'it', unknown>>;

describe('the runner of the isolation check', () => {
  const globals = globalThis as Globals;
  const before = { describe: globals.describe, it: globals.it };

  afterEach(() => void Object.assign(globals, before));

  it('is that of the globals', () => {
    const own = { describe: () => undefined, it: () => undefined };
    Object.assign(globals, own);
    expect(detectRunner()).toEqual(own);
  });

  it('has to be given where Jest or Vitest have no globals', () => {
    delete globals.describe;
    const register = (): void => describeTenantIsolation(() => Promise.reject(new Error('not started')));
    expect(register).toThrow(expect.objectContaining({ code: 'NO_TEST_RUNNER' }));
  });
});
