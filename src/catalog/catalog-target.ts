import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import type { FactoryProvider } from '@nestjs/common';
import {
  type ConnectionTarget,
  networkAddressOf,
  type ServerAddress,
  targetOfUrl,
} from '../database/connection/connection-target.js';

/** Injection token: the catalog's connection target, with the role that owns everything on the default server. */
export const CATALOG_TARGET = Symbol.for('tenantry/CATALOG_TARGET');

/** Name of the server row for the catalog's own server. */
export const DEFAULT_SERVER = 'default';

/** Injection token: the address for tenants of the default server, possibly a pooler's. */
export const DEFAULT_SERVER_ADDRESS = Symbol.for('tenantry/DEFAULT_SERVER_ADDRESS');

export const defaultServerAddressProvider: FactoryProvider<ServerAddress> = {
  provide: DEFAULT_SERVER_ADDRESS,
  inject: [APP_CONFIG, CATALOG_TARGET],
  useFactory: ({ database: { url, pooler, replicas } }: AppConfig, catalog: ConnectionTarget) => {
    const own = replicas.length > 0 && { replicas };
    if (url === undefined || pooler === undefined) return { ...catalog.server, ...own };
    return { ...targetOfUrl(url, DEFAULT_SERVER).server, aroundPooler: networkAddressOf(catalog.server), ...own };
  },
};

export const catalogTargetProvider: FactoryProvider<ConnectionTarget> = {
  provide: CATALOG_TARGET,
  inject: [APP_CONFIG],
  // Bypasses the pooler, if any: notifications and migrations need a session.
  useFactory: ({ database: { url, directUrl } }: AppConfig) => {
    const address = directUrl ?? url;
    if (address === undefined)
      throw new Error('the catalog has no address: set DATABASE_URL or start the embedded PostgreSQL');
    return targetOfUrl(address, DEFAULT_SERVER);
  },
};
