import { describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { ControlPlaneModule } from '../../../src/control-plane/control-plane.module.js';
import { ControlPlaneServicesModule } from '../../../src/control-plane/control-plane-services.module.js';
import { DemoTenants } from '../../../src/control-plane/demo/demo-tenants.js';
import { OperationEvents } from '../../../src/control-plane/operations/operation-events.js';

/** What only a server does. */
const OF_SERVERS: readonly unknown[] = [DemoTenants, OperationEvents];

function providersOf(module: object): unknown[] {
  const metadata = (key: string): unknown[] => (Reflect.getMetadata(key, module) ?? []) as unknown[];
  const imported = metadata('imports').includes(ControlPlaneServicesModule)
    ? providersOf(ControlPlaneServicesModule)
    : [];
  const own = metadata('providers').map((provider) =>
    typeof provider === 'object' && provider !== null && 'provide' in provider ? provider.provide : provider,
  );
  return [...own, ...imported];
}

function kindsOf(module: object): unknown {
  const lists = (Reflect.getMetadata('providers', module) as { provide?: symbol; inject?: unknown[] }[]) ?? [];
  return lists.filter(({ provide }) => typeof provide === 'symbol').map(({ provide, inject }) => [provide, inject]);
}

describe('REST and the command line', () => {
  it('are faces of the same services', () => {
    const ofRest = new Set(providersOf(ControlPlaneModule).filter((provider) => !OF_SERVERS.includes(provider)));
    expect(new Set(providersOf(ControlPlaneServicesModule))).toEqual(ofRest);
  });

  it('know the same kinds of operations', () => {
    const isImported = ((Reflect.getMetadata('imports', ControlPlaneModule) ?? []) as unknown[]).includes(
      ControlPlaneServicesModule,
    );
    if (!isImported) expect(kindsOf(ControlPlaneServicesModule)).toEqual(kindsOf(ControlPlaneModule));
    expect(kindsOf(ControlPlaneServicesModule)).toHaveLength(2);
  });
});
