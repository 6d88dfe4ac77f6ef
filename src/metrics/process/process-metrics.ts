import { readdir, readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { unhandledRejectionCount } from '../../platform/unhandled-rejections.js';
import { registerMetric } from '../series/reported-metric.js';

const STARTED_AT_SECONDS = Date.now() / 1000 - process.uptime();

/**
 * Metrics of the process under the standard names for Node.js dashboards. Not prom-client's `collectDefaultMetrics`:
 * per registry it starts observers of the event loop and the garbage collector that cannot be stopped.
 */
@Injectable()
export class ProcessMetrics {
  private memory = process.memoryUsage();
  private openFiles: number | undefined;
  private maxFiles: number | undefined;

  constructor(registry: Registry) {
    this.reportTimes(registry);
    this.reportMemory(registry);
    this.reportFiles(registry);
    registerMetric(registry, {
      name: 'tenantry_unhandled_rejections_total',
      help: 'Promises that rejected and were not awaited: a forgotten await.',
      type: 'counter',
      read: () => single(unhandledRejectionCount()),
    });
  }

  async refresh(): Promise<void> {
    this.memory = process.memoryUsage();
    this.openFiles = await countOpenFiles();
    this.maxFiles ??= await readMaxFiles();
  }

  private reportTimes(registry: Registry): void {
    registerMetric(registry, {
      name: 'process_cpu_seconds_total',
      help: 'Total user and system CPU time.',
      type: 'counter',
      read: () => single(cpuSeconds()),
    });
    registerMetric(registry, {
      name: 'process_start_time_seconds',
      help: 'Start time of the process in seconds since the Unix epoch.',
      type: 'gauge',
      read: () => single(STARTED_AT_SECONDS),
    });
    registerMetric(registry, {
      name: 'nodejs_version_info',
      help: 'Version of Node.js.',
      type: 'gauge',
      read: () => [{ labels: { version: process.version }, value: 1 }],
    });
  }

  private reportMemory(registry: Registry): void {
    const gauge = (name: string, help: string, value: () => number): void =>
      registerMetric(registry, { name, help, type: 'gauge', read: () => single(value()) });
    gauge('process_resident_memory_bytes', 'Resident memory.', () => this.memory.rss);
    gauge('nodejs_heap_size_total_bytes', 'Size of the heap.', () => this.memory.heapTotal);
    gauge('nodejs_heap_size_used_bytes', 'Used size of the heap.', () => this.memory.heapUsed);
    gauge(
      'nodejs_external_memory_bytes',
      'Memory outside the heap, held by JavaScript objects.',
      () => this.memory.external,
    );
  }

  private reportFiles(registry: Registry): void {
    const gauge = (name: string, help: string, value: () => number | undefined): void =>
      registerMetric(registry, { name, help, type: 'gauge', read: () => single(value()) });
    gauge('process_open_fds', 'Open file descriptors, including sockets.', () => this.openFiles);
    gauge('process_max_fds', 'Maximum open file descriptors.', () => this.maxFiles);
  }
}

function single(value: number | undefined): { labels: Record<string, string>; value: number }[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Undefined without `/proc`, or when so many files are open that it cannot be read; the metric is then absent. */
async function countOpenFiles(): Promise<number | undefined> {
  try {
    return (await readdir('/proc/self/fd')).length - 1; // minus the one opened by readdir
  } catch {
    return undefined;
  }
}

async function readMaxFiles(): Promise<number | undefined> {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}
