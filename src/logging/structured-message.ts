import { inspect } from 'node:util';

/** A log message with fields: searchable where logs are JSON, and lines of text in any other logger. */
export class StructuredMessage {
  constructor(
    readonly message: string,
    readonly fields: Readonly<Record<string, unknown>>,
  ) {}

  toString(): string {
    const lines = Object.entries(this.fields).map(([name, value]) => `  ${name}: ${oneLine(value)}`);
    return [this.message, ...lines].join('\n');
  }

  /** Nest's own logger inspects what is not a text. */
  [inspect.custom](): string {
    return this.toString();
  }
}

/** As JSON, so that no value can look like another line. */
function oneLine(value: unknown): string {
  return JSON.stringify(value) ?? '';
}
