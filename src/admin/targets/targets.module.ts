import { Module } from '@nestjs/common';
import { TargetDatabases } from './target-databases.js';

@Module({ providers: [TargetDatabases], exports: [TargetDatabases] })
export class TargetsModule {}
