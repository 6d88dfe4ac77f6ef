'use strict';
// `nest add tenantry`: Nest's command line installs the package, then runs this. CommonJS, because that is how it loads schematics.
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

const COMMAND_LINE = join(__dirname, '..', 'esm', 'bin.js');

/** Runs `tenantry init` in the application's folder: it writes the files itself, all or none. */
exports.nestAdd = ({ sourceRoot }) => {
  const options = sourceRoot ? ['--source-root', sourceRoot] : [];
  return () => {
    const { status, error } = spawnSync(process.execPath, [COMMAND_LINE, 'init', '--yes', ...options], {
      stdio: 'inherit',
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`tenantry init ended with exit code ${status}`);
  };
};
