import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { crashAt, deleteCase, provisionCase } from '../../contracts/operation-crashes.js';
import { Operators } from '../../support/operations/operators.js';

let operators: Operators;

beforeAll(async () => {
  operators = await Operators.start();
});

afterAll(async () => operators.close());

// Every step of every operation: test/soak/operations/crash-at-each-step.spec.ts
describe('an operation whose process is killed (SIGKILL)', () => {
  it('is completed by another process: creating a tenant', async () =>
    crashAt(operators, await provisionCase('database'), 'create-schema'));

  it.each([
    ['before the tenant is forgotten', 'forget'],
    ['when it is forgotten, but that is not recorded', 'succeeded'],
  ])('is completed by another process: deleting a tenant, %s', async (_when, point) => {
    await operators.bothRun();
    await crashAt(operators, await deleteCase(operators, 'schema'), point);
  });
});
