import { Module } from '@nestjs/common';
import { ServerConnections } from './server-connections.js';
import { Servers } from './servers.js';

@Module({ providers: [ServerConnections, Servers], exports: [ServerConnections, Servers] })
export class ServersModule {}
