import { describe } from '@jest/globals';
import { identificationContract } from './identification.js';
import { isolationContract } from './isolation.js';
import type { Launch } from './launch.js';
import { problemsContract } from './problems.js';
import { publicRoutesContract } from './public-routes.js';
import { tenantStatusContract } from './tenant-status.js';

/** All contracts of the REST API, for an application that is started in another way. */
export function restSuites(how: string, launch: Launch): void {
  describe.each([
    ['identification', identificationContract],
    ['isolation', isolationContract],
    ['problems', problemsContract],
    ['public routes', publicRoutesContract],
    ['the status of a tenant', tenantStatusContract],
  ])(`${how}: %s`, (_name, contract) => {
    contract(launch);
  });
}
