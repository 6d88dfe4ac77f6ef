// Starts the compiled application once and prints how long (ms) the event loop was blocked.
import { setTimeout as delay } from 'node:timers/promises';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

const { AppModule } = await import(new URL('../../../dist/app/app.module.js', import.meta.url).href);
const { Application } = await import(new URL('../../../dist/server/application.js', import.meta.url).href);
const { loadConfig } = await import(new URL('../../../dist/platform/config/load-config.js', import.meta.url).href);

const RESOLUTION_MS = 5;

const watch = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
const loaded = loadConfig({ env: process.env, cwd: process.cwd() });
const began = performance.now();
watch.enable();
const application = await Application.start(loaded, AppModule);
const startMs = performance.now() - began;
const response = await fetch(`${application.url}/metrics`, {
  headers: { authorization: `Bearer ${process.env.ADMIN_API_KEY}` },
});
const metrics = await response.text();
await delay(500); // what was put off until after the start counts too
watch.disable();
await application.stop();
const longestMs = watch.max / 1e6 - RESOLUTION_MS;
process.stdout.write(`${JSON.stringify({ startMs, longestMs, status: response.status, metrics: metrics.length })}\n`);
