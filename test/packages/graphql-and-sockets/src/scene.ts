import { type AppOptions, type RunningApp, startApp } from './app.js';
import { type KnownTenant, Operator } from './operator.js';

/** The combinations of drivers and platforms that serve GraphQL. */
export const GRAPHQL_STACKS = [
  { http: 'express', graphql: 'apollo' },
  { http: 'fastify', graphql: 'apollo' },
  { http: 'fastify', graphql: 'mercurius' },
] as const satisfies readonly AppOptions[];

/** A running application with two tenants. */
export interface Scene {
  readonly app: RunningApp;
  readonly operator: Operator;
  readonly acme: KnownTenant;
  readonly beta: KnownTenant;
}

/** @param name of the scene, for the tenants' slugs: tests share a catalog */
export async function startScene(options: AppOptions, name: string): Promise<Scene> {
  const app = await startApp(options);
  const operator = new Operator(app.url);
  const suffix = `${name}-${options.http}`;
  const [acme, beta] = await Promise.all([
    operator.createTenant(`acme-${suffix}`),
    operator.createTenant(`beta-${suffix}`),
  ]);
  return { app, operator, acme, beta };
}
