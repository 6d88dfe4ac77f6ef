import type { LoggerService } from '@nestjs/common';

type Level = 'log' | 'warn' | 'error';

/** Takes the place of Nest's logger and keeps what was said. */
export class LogRecorder implements LoggerService {
  private readonly lines: { readonly level: Level; readonly text: string }[] = [];

  get text(): string {
    return this.lines.map(({ text }) => text).join('\n');
  }

  matching(level: Level, pattern: RegExp): string[] {
    return this.lines.filter((line) => line.level === level && pattern.test(line.text)).map(({ text }) => text);
  }

  log(...said: unknown[]): void {
    this.lines.push({ level: 'log', text: said.join('\n') });
  }

  warn(...said: unknown[]): void {
    this.lines.push({ level: 'warn', text: said.join('\n') });
  }

  error(...said: unknown[]): void {
    this.lines.push({ level: 'error', text: said.join('\n') });
  }
}
