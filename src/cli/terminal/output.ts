import type { Terminal } from './terminal.js';
import { type Column, table } from './table.js';

/** A command's result on stdout: one JSON document with `--json`, readable lines without. Nothing else goes to stdout. */
export class Output {
  constructor(
    private readonly terminal: Terminal,
    readonly json: boolean,
  ) {}

  /** Prints the command's result. Called once per command. */
  print(document: unknown, lines: () => readonly string[]): void {
    if (this.json) this.write(JSON.stringify(document, null, 2));
    else for (const line of lines()) this.write(line);
  }

  /** Prints one JSON document per line, for commands that report several. */
  printDocument(document: unknown): void {
    this.write(JSON.stringify(document));
  }

  /** A hint on stderr that is not part of the result; omitted with `--json`. */
  note(text: string): void {
    if (!this.json) this.terminal.stderr.write(`${text}\n`);
  }

  /** Lines of a table, fitted to the terminal; `placeholder` when there are no rows. */
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], placeholder: string): string[] {
    if (rows.length === 0) return [placeholder];
    const { isTTY, columns: width } = this.terminal.stdout;
    return table(rows, columns, isTTY ? width : undefined);
  }

  /** Prints text that is neither lines nor JSON. */
  printText(text: string): void {
    this.terminal.stdout.write(text);
  }

  private write(line: string): void {
    this.terminal.stdout.write(`${line}\n`);
  }
}
