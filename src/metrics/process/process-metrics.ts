import { readdir, readFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { report } from '../series/reported-metric.js';

const STARTED_AT_SECONDS = Date.now() / 1000 - process.uptime();

/**
 * The process, under the names that every dashboard for Node.js knows. Not prom-client's `collectDefaultMetrics`: it
 * starts two watchers of the event loop and the garbage collector per registry, which nothing can stop.
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
  }

  async refresh(): Promise<void> {
    this.memory = process.memoryUsage();
    this.openFiles = await countOpenFiles();
    this.maxFiles ??= await readMaxFiles();
  }

  private reportTimes(registry: Registry): void {
    report(registry, {
      name: 'process_cpu_seconds_total',
      help: 'CPU time spent, user and system.',
      type: 'counter',
      read: () => only(processorSeconds()),
    });
    report(registry, {
      name: 'process_start_time_seconds',
      help: 'When the process started, in seconds since the epoch.',
      type: 'gauge',
      read: () => only(STARTED_AT_SECONDS),
    });
    report(registry, {
      name: 'nodejs_version_info',
      help: 'The version of Node.js.',
      type: 'gauge',
      read: () => [{ labels: { version: process.version }, value: 1 }],
    });
  }

  private reportMemory(registry: Registry): void {
    const gauge = (name: string, help: string, value: () => number): void =>
      report(registry, { name, help, type: 'gauge', read: () => only(value()) });
    gauge('process_resident_memory_bytes', 'Memory that is resident.', () => this.memory.rss);
    gauge('nodejs_heap_size_total_bytes', 'The heap.', () => this.memory.heapTotal);
    gauge('nodejs_heap_size_used_bytes', 'The heap in use.', () => this.memory.heapUsed);
    gauge('nodejs_external_memory_bytes', 'Memory outside the heap that it holds.', () => this.memory.external);
  }

  private reportFiles(registry: Registry): void {
    const gauge = (name: string, help: string, value: () => number | undefined): void =>
      report(registry, { name, help, type: 'gauge', read: () => only(value()) });
    gauge('process_open_fds', 'Open files and sockets.', () => this.openFiles);
    gauge('process_max_fds', 'How many may be open.', () => this.maxFiles);
  }
}

function only(value: number | undefined): { labels: Record<string, string>; value: number }[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Undefined where there is no `/proc`, and when so many files are open that it cannot be read: a gap in the figures. */
async function countOpenFiles(): Promise<number | undefined> {
  try {
    return (await readdir('/proc/self/fd')).length - 1; // less the one that reads it
  } catch {
    return undefined;
  }
}

async function readMaxFiles(): Promise<number | undefined> {
  try {
    const most = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
    return most === undefined ? undefined : Number(most);
  } catch {
    return undefined;
  }
}
