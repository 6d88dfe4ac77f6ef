import { Module } from '@nestjs/common';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ApiKeys } from './api-keys.js';

@Module({ imports: [TenantsModule], providers: [ApiKeys], exports: [ApiKeys] })
export class ApiKeysModule {}
