import { Module } from '@nestjs/common';
import { OperationsModule } from '../../operations/operations.module.js';
import { OperationRecords } from './operation-records.js';
import { RequestedOperations } from './requested-operations.js';

/** Lets operators request and read operations. */
@Module({
  imports: [OperationsModule],
  providers: [OperationRecords, RequestedOperations],
  exports: [OperationsModule, OperationRecords, RequestedOperations],
})
export class RequestedOperationsModule {}
