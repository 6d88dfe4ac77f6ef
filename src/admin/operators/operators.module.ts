import { Module } from '@nestjs/common';
import { TenantsModule } from '../tenants/tenants.module.js';
import { Impersonations } from './impersonations.js';
import { OperatorRecords } from './operator-records.js';
import { OperatorSessions } from './operator-sessions.js';
import { Operators } from './operators.js';

const SERVICES = [Impersonations, OperatorRecords, Operators, OperatorSessions];

@Module({ imports: [TenantsModule], providers: SERVICES, exports: SERVICES })
export class OperatorsModule {}
