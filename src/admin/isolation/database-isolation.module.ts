import { Module } from '@nestjs/common';
import { DatabaseIsolation } from './database-isolation.js';

@Module({ providers: [DatabaseIsolation], exports: [DatabaseIsolation] })
export class DatabaseIsolationModule {}
