import { Module } from '@nestjs/common';
import { Servers } from './servers.js';

@Module({ providers: [Servers], exports: [Servers] })
export class ServersModule {}
