// Jest's globalTeardown: stops what start-services.mjs started and removes its folder.
import { rm } from 'node:fs/promises';
import { SERVICES } from './start-services.mjs';

export default async function stopServices() {
  const services = globalThis[SERVICES];
  if (!services) return;
  delete globalThis[SERVICES];
  await services.postgres.stop();
  await rm(services.folder, { recursive: true, force: true });
}
