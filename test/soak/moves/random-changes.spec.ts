import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { CopyRig } from '../../support/copy/copy-rig.js';
import { expectSameAfterChanges } from '../../support/copy/random-changes.js';
import { SHOP } from '../../support/copy/shop-tables.js';

const SEED = Number(process.env['COPY_SEED'] ?? randomInt(2 ** 31));

let rig: CopyRig;

beforeAll(async () => {
  rig = await CopyRig.start(SHOP);
});

afterAll(() => rig.stop());

describe(`changes that are noted and applied (COPY_SEED=${SEED})`, () => {
  it.each([true, false])(
    'make both places the same at any time (alone: %s)',
    async (isToAlone) => {
      await expectSameAfterChanges(rig, { seed: SEED, changes: 1_000, isToAlone });
    },
    180_000,
  );
});
