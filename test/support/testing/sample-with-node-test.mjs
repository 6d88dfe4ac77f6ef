// The isolation test of the sample application, as a file of `node --test`: it has neither initialised nor started the application.
import 'reflect-metadata';
import { after } from 'node:test';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AppModule } from '../../../dist/app/app.module.js';
import { describeTenantIsolation } from '../../../dist/testing.js';

let app;

describeTenantIsolation(async () => {
  app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false, abortOnError: false });
  return app;
});

after(() => app?.close());
