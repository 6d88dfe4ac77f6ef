#!/usr/bin/env node
/** `npx tenantry …` in an application that has installed the package. */
import { runCommandLine } from './cli/command-line.js';
import { loadHostConfig } from './platform/config/host-config.js';

const { stdin, stdout, stderr, env } = process;
// A reader that closes the pipe early, such as `head`, is not a failure.
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const cwd = process.cwd();
void runCommandLine(process.argv.slice(2), {
  terminal: { stdin, stdout, stderr, env, cwd },
  invocation: 'npx tenantry',
  loadConfig: (input) => loadHostConfig(input, { tokens: false, adminKey: false }),
  loadSchema: async (module) => (await import('./cli/session/host-module.js')).loadHostSchema(cwd, module),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
