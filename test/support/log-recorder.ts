import type { LoggerService } from '@nestjs/common';

type Level = 'log' | 'warn' | 'error';

/** Replaces Nest's logger and records its lines. */
export class LogRecorder implements LoggerService {
  private readonly lines: { readonly level: Level; readonly text: string }[] = [];

  get text(): string {
    return this.lines.map(({ text }) => text).join('\n');
  }

  matching(level: Level, pattern: RegExp): string[] {
    return this.lines.filter((line) => line.level === level && pattern.test(line.text)).map(({ text }) => text);
  }

  log(...messages: unknown[]): void {
    this.lines.push({ level: 'log', text: messages.join('\n') });
  }

  warn(...messages: unknown[]): void {
    this.lines.push({ level: 'warn', text: messages.join('\n') });
  }

  error(...messages: unknown[]): void {
    this.lines.push({ level: 'error', text: messages.join('\n') });
  }
}
