import type { AppDefinition } from '../server/app-definition.js';
import { AppModule } from './app.module.js';
import { appSchema } from './app.schema.js';

/** The sample application. Replace the contents of this folder with your own. */
export const sampleApp: AppDefinition = {
  schema: appSchema,
  compose: (loaded, schema) => AppModule.register(loaded, schema),
};
