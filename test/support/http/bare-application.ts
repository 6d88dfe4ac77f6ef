import type { INestApplication, Type } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Json } from '../test-app.js';

export const ADAPTERS = ['express', 'fastify'] as const;
export type AdapterName = (typeof ADAPTERS)[number];

function adapterOf(name: AdapterName): AbstractHttpAdapter {
  return name === 'express' ? new ExpressAdapter() : new FastifyAdapter();
}

/** A Nest application as a host would have it, without anything of Tenantry beside its root module. */
export class BareApplication {
  private constructor(
    readonly nest: INestApplication,
    readonly url: string,
  ) {}

  static async start(
    root: Type,
    adapter: AdapterName,
    configure?: (nest: INestApplication) => unknown,
  ): Promise<BareApplication> {
    const nest = await NestFactory.create(root, adapterOf(adapter), { logger: false, abortOnError: false });
    configure?.(nest);
    await nest.listen(0, '127.0.0.1');
    return new BareApplication(nest, await nest.getUrl());
  }

  async call(path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; body: Json }> {
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  stop(): Promise<void> {
    return this.nest.close();
  }
}
