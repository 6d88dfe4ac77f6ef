import { Module } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { CACHE } from './cache.js';
import { MemoryCache } from './memory-cache.js';

const ABSENCE_TTL_MS = 5_000;

/** What is remembered between requests. Knows no tenants. */
@Module({
  providers: [
    {
      provide: CACHE,
      inject: [APP_CONFIG],
      useFactory: ({ cache }: AppConfig) =>
        new MemoryCache({
          ttlMs: cache.defaultTtlSeconds * 1000,
          absenceTtlMs: ABSENCE_TTL_MS,
          maxEntries: cache.memoryMaxEntries,
          now: () => performance.now(),
        }),
    },
  ],
  exports: [CACHE],
})
export class CacheModule {}
