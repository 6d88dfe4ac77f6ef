#!/usr/bin/env node
import { runCommandLine } from './cli/command-line.js';

const { stdin, stdout, stderr, env } = process;
// A reader that closes the pipe early, such as `head`, is not a failure.
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCommandLine(process.argv.slice(2), {
  terminal: { stdin, stdout, stderr, env, cwd: process.cwd() },
  loadSchema: async () => (await import('./app/app.schema.js')).appSchema,
});
