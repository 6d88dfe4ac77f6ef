import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  Logger,
  type NestInterceptor,
  StreamableFile,
} from '@nestjs/common';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import { Reflector } from '@nestjs/core';
import { lastValueFrom, type Observable, of } from 'rxjs';
import { UncacheableValueError } from '../../cache/values/values.errors.js';
import { tenantCacheKey } from '../identification/tenant-cache-key.js';
import { type CacheOptions, TenantCache } from './tenant-cache.js';

/** Metadata: the time to live of a route's responses, in ms. */
export const RESPONSE_TTL_MS = Symbol.for('tenantry/response-ttl-ms');

const OK = 200;

/** A response's body, which may be `null`. */
interface Response {
  readonly body: unknown;
}

/** What `@CacheResponse()` installs. In place of `CacheInterceptor` of `@nestjs/cache-manager`, it cannot mix tenants. */
@Injectable()
export class TenantCacheInterceptor implements NestInterceptor {
  private readonly logger = new Logger(TenantCacheInterceptor.name);

  /** @internal */
  constructor(
    private readonly cache: TenantCache,
    private readonly reflector: Reflector,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const key = this.keyOf(context);
    if (key === undefined) return next.handle();
    const own: Response[] = [];
    const respond = async (): Promise<Response | undefined> => {
      const made = { body: await lastValueFrom(next.handle(), { defaultValue: undefined }) };
      own.push(made);
      return isCacheable(context, made) ? made : undefined;
    };
    const held = await this.cache.getOrLoad(key, respond, this.optionsOf(context)).catch((error: unknown) => {
      if (!(error instanceof UncacheableValueError)) throw error;
      this.logger.warn(`A response of ${context.getClass().name} is not cached: ${error.message}`);
      return undefined;
    });
    // The response of a concurrent request that may not be cached is that request's alone.
    const response = own[0] ?? held;
    return response ? of(response.body) : next.handle();
  }

  private keyOf(context: ExecutionContext): string | undefined {
    if (context.getType() !== 'http' || this.reflector.get(SSE_METADATA, context.getHandler())) return undefined;
    const key = tenantCacheKey(context);
    // Two handlers may serve one address: of other hosts, or of other versions by header or media type.
    return key && `response:${context.getClass().name}.${context.getHandler().name}:${key}`;
  }

  private optionsOf(context: ExecutionContext): CacheOptions {
    const sources = [context.getHandler(), context.getClass()];
    const ttlMs = this.reflector.getAllAndOverride<number | undefined>(RESPONSE_TTL_MS, sources);
    return ttlMs === undefined ? {} : { ttlMs };
  }
}

function isCacheable(context: ExecutionContext, { body }: Response): boolean {
  const { statusCode } = context.switchToHttp().getResponse<{ readonly statusCode: number }>();
  return statusCode === OK && body !== undefined && !(body instanceof StreamableFile) && !isBinary(body);
}

/** JSON would make something else of it. */
function isBinary(body: unknown): boolean {
  return ArrayBuffer.isView(body) || (typeof body === 'object' && body !== null && 'pipe' in body);
}
