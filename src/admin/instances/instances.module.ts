import { Module } from '@nestjs/common';
import { InstanceList } from './instance-list.js';

@Module({ providers: [InstanceList], exports: [InstanceList] })
export class InstancesModule {}
