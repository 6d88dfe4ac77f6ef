import 'reflect-metadata';
import { loadConfig } from './platform/config/load-config.js';
import { surviveUnhandledRejections } from './platform/unhandled-rejections.js';
import { fail } from './server/processes/fail.js';
import { isWorkerProcess } from './server/processes/worker-variable.js';

try {
  surviveUnhandledRejections();
  if (isWorkerProcess()) await work();
  else await start();
} catch (error) {
  fail(error);
}

async function start(): Promise<void> {
  const loaded = loadConfig({ env: process.env, cwd: process.cwd() });
  if (loaded.config.workers > 1) {
    const { Primary } = await import('./server/processes/primary.js');
    return Primary.run(loaded);
  }
  const { serve } = await import('./server/processes/serve.js');
  return serve(loaded, await rootModule());
}

async function work(): Promise<void> {
  const { serveAsWorker } = await import('./server/processes/serve-as-worker.js');
  return serveAsWorker(await rootModule());
}

/** Loaded on demand: a primary process serves no requests and does not need it. */
async function rootModule() {
  return (await import('./app/app.module.js')).AppModule;
}
