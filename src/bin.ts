#!/usr/bin/env node
/** `npx tenantry …` in an application that has installed the package. */
import { runProcess } from './cli/run-process.js';
import { loadHostConfig } from './platform/config/host-config.js';

void runProcess({
  invocation: 'npx tenantry',
  loadConfig: (input) => loadHostConfig(input, { tokens: false, adminKey: false }),
  loadSchema: async (module) => (await import('./cli/session/host-module.js')).loadHostSchema(process.cwd(), module),
});
