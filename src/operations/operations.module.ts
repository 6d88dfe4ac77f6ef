import { Module } from '@nestjs/common';
import { OperationKinds } from './operation-kinds.js';
import { OperationRunner } from './operation-runner.js';
import { Operations } from './operations.js';

/** The engine for long-running jobs. Other modules register the kinds of operation that it runs. */
@Module({
  providers: [OperationKinds, Operations, OperationRunner],
  exports: [OperationKinds, Operations, OperationRunner],
})
export class OperationsModule {}
