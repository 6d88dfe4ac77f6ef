import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { crashEverywhere, deleteCase, provisionCase } from '../../contracts/operation-crashes.js';
import { Operators } from '../../support/operators.js';

let operators: Operators;

beforeAll(async () => {
  operators = await Operators.start();
});

afterAll(async () => operators.close());

// Every step of every operation: test/soak/operations/crash-at-each-step.spec.ts
describe('an operation whose process is killed (SIGKILL)', () => {
  it('is completed by another one: a tenant is created', () =>
    crashEverywhere(operators, () => provisionCase('database'), ['create-schema', 'succeeded']));

  it('is completed by another one: a tenant is deleted', () =>
    crashEverywhere(operators, () => deleteCase(operators, 'schema'), ['forget']));
});
