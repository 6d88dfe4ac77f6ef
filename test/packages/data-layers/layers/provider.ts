import { TenantPool } from '../../../../src/index.js';
import { createKysely } from './kysely.js';

export const KYSELY = Symbol('kysely');
export const kyselyProvider = { provide: KYSELY, inject: [TenantPool], useFactory: createKysely };
