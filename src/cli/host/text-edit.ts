/** Text to insert at a position of a file. */
export interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** Applies insertions whose positions are those of the unchanged text. */
export function withInsertions(text: string, insertions: readonly Insertion[]): string {
  const fromTheEnd = [...insertions].toSorted((a, b) => b.at - a.at);
  return fromTheEnd.reduce((edited, { at, text: added }) => edited.slice(0, at) + added + edited.slice(at), text);
}

/** The line break that a file uses. */
export function lineBreakOf(text: string): '\n' | '\r\n' {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** The white space at the start of the line of a position. */
export function indentationAt(text: string, position: number): string {
  const start = text.lastIndexOf('\n', position - 1) + 1;
  return /^[^\S\n]*/.exec(text.slice(start))?.[0] ?? '';
}
