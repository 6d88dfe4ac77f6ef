import { runProcess } from './cli/run-process.js';
import { loadConfig } from './platform/config/load-config.js';
import { withoutOptionalModules } from './tenantry/optional-modules.js';

await runProcess({
  loadConfig,
  loadSchema: async () => {
    const { schemaOfModule } = await import('./cli/session/host-module.js');
    const { AppModule } = await withoutOptionalModules(() => import('./app/app.module.js'));
    return schemaOfModule(AppModule);
  },
});
