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
  'graphql-and-sockets-nest-11': (options) => checkApplication('graphql-and-sockets', options, 'nest-11'),
  guides: ({ tarball }) => runSpecs('guides', { TENANTRY_TARBALL: tarball }),
  init: checkInit,
  smallest: checkSmallest,
};

/** @param versions a folder of the application with another manifest and lock file */
async function checkApplication(name, { folder, tarball }, versions) {
  const hostName = [name, versions].filter(Boolean).join('-');
  const databaseUrl = await createDatabase(hostName.replaceAll(/[^a-z0-9]/g, '_'));
  const env = await environmentOf('22');
  const options = { folder: join(folder, hostName), tarball, databaseUrl, env, versions };
  console.log(await checkFixture(name, options));
}
