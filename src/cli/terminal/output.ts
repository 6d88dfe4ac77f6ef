import type { Terminal } from './terminal.js';
import { type Column, table } from './table.js';

/** What a command answers: one JSON document with `--json`, lines for people without. Nothing else is on stdout. */
export class Output {
  constructor(
    private readonly terminal: Terminal,
    readonly json: boolean,
  ) {}

  /** The command's answer; a command has one. */
  answer(document: unknown, lines: () => readonly string[]): void {
    if (this.json) this.write(JSON.stringify(document, null, 2));
    else for (const line of lines()) this.write(line);
  }

  /** A document on a line of its own, for commands that go on. */
  document(document: unknown): void {
    this.write(JSON.stringify(document));
  }

  line(text: string): void {
    if (!this.json) this.write(text);
  }

  /** For people only, and no part of the answer. */
  note(text: string): void {
    if (!this.json) this.terminal.stderr.write(`${text}\n`);
  }

  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): string[] {
    if (rows.length === 0) return [none];
    const { isTTY, columns: width } = this.terminal.stdout;
    return table(rows, columns, isTTY ? width : undefined);
  }

  private write(line: string): void {
    this.terminal.stdout.write(`${line}\n`);
  }
}
