import { Module } from '@nestjs/common';
import { AuditRecords } from './audit-records.js';

@Module({ providers: [AuditRecords], exports: [AuditRecords] })
export class AuditModule {}
