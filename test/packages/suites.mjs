import { join } from 'node:path';
import { createDatabase } from './databases.mjs';
import { checkFixture } from './fixture.mjs';
import { checkReadme } from './check-readme.mjs';
import { checkSmallest } from './check-smallest.mjs';
import { checkInit } from './init/check-init.mjs';
import { environmentOf } from './node-versions.mjs';
import { runSpecs, runSpecsWithLibraries } from './specs.mjs';

/** What is run beside the cells: name -> check, which rejects when something fails. */
export const SUITES = {
  'data-layers': () => runSpecsWithLibraries('data-layers'),
  'graphql-and-gateway': (options) => checkReadme('graphql-and-gateway', options),
  'graphql-and-sockets': (options) => checkApplication('graphql-and-sockets', options),
  guides: ({ tarball }) => runSpecs('guides', { TENANTRY_TARBALL: tarball }),
  init: checkInit,
  smallest: checkSmallest,
};

async function checkApplication(name, { folder, tarball }) {
  const databaseUrl = await createDatabase(name.replaceAll(/[^a-z0-9]/g, '_'));
  console.log(
    await checkFixture(name, { folder: join(folder, name), tarball, databaseUrl, env: await environmentOf('22') }),
  );
}
