import { join } from 'node:path';
import { createDatabase } from './databases.mjs';
import { checkInit } from './init/check-init.mjs';
import { runSpecs } from './specs.mjs';

/** What is run beside the cells: name -> check, which rejects when something fails. */
export const SUITES = {
  'data-layers': () => runSpecs('data-layers'),
  init: checkInit,
};
