import { runCommandLine } from './cli/command-line.js';
import { loadConfig } from './platform/config/load-config.js';
import { withoutOptionalModules } from './tenantry/optional-modules.js';

const { stdin, stdout, stderr, env } = process;
// A reader that closes the pipe early, such as `head`, is not a failure.
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCommandLine(process.argv.slice(2), {
  terminal: { stdin, stdout, stderr, env, cwd: process.cwd() },
  loadConfig,
  loadSchema: async () => {
    const { schemaOfModule } = await import('./cli/session/host-module.js');
    const { AppModule } = await withoutOptionalModules(() => import('./app/app.module.js'));
    return schemaOfModule(AppModule);
  },
});
