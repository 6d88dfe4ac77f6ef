import { Injectable } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { InvalidCronError } from './cron.errors.js';
import { type CronDefinition, TENANT_CRON, type TenantCronRun } from './tenant-cron.decorator.js';

/** A decorated method, and the object that it belongs to. */
export interface CronJob extends CronDefinition {
  run(run: TenantCronRun): Promise<unknown>;
}

type Method = (run: TenantCronRun) => unknown;

/** The methods under `@TenantCron` of the application's providers and controllers, and Tenantry's own jobs. */
@Injectable()
export class CronJobs {
  private readonly own: CronJob[] = [];

  constructor(private readonly modules: ModulesContainer) {}

  /** Before the application starts. */
  add(job: CronJob): void {
    this.own.push(job);
  }

  /** @throws InvalidCronError when two have one name, or a provider is not a singleton */
  all(): readonly CronJob[] {
    const jobs = new Map(this.own.map((job) => [job.name, job]));
    for (const { definition, instance, method, name } of this.decorated()) {
      if (jobs.has(definition.name))
        throw new InvalidCronError(`two methods under @TenantCron have the name ${definition.name}`);
      if (!instance) {
        throw new InvalidCronError(
          `${name} is under @TenantCron: its class must not depend on a request (Scope.DEFAULT)`,
        );
      }
      jobs.set(definition.name, { ...definition, run: async (run) => method.call(instance, run) });
    }
    return [...jobs.values()];
  }

  private *decorated() {
    const scanner = new MetadataScanner();
    const seen = new Set<unknown>();
    for (const { controllers, providers } of this.modules.values()) {
      for (const wrapper of [...controllers.values(), ...providers.values()]) {
        const prototype = prototypeOf(wrapper.instance, wrapper.metatype);
        if (!prototype || wrapper.isAlias || seen.has(wrapper.instance ?? wrapper)) continue;
        seen.add(wrapper.instance ?? wrapper);
        const instance: unknown = wrapper.isDependencyTreeStatic() ? wrapper.instance : undefined;
        for (const method of scanner.getAllMethodNames(prototype)) {
          const handler = (prototype as Record<string, Method>)[method]!;
          const definition = Reflect.getMetadata(TENANT_CRON, handler) as CronDefinition | undefined;
          if (definition) yield { definition, instance, method: handler, name: `${wrapper.name}.${method}` };
        }
      }
    }
  }
}

function prototypeOf(instance: unknown, metatype: unknown): object | undefined {
  if (typeof instance === 'object' && instance !== null) return Object.getPrototypeOf(instance) as object | undefined;
  return typeof metatype === 'function' ? (metatype.prototype as object | undefined) : undefined;
}
