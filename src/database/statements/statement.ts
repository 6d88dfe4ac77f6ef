import type pg from 'pg';

/** A caller's statement. The server rejects a text with two commands. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  readonly rowMode?: string | undefined;
  readonly types?: pg.CustomTypesConfig | undefined;
  /** In ms: the statement sets `statement_timeout`. */
  readonly statementTimeoutMs?: number | undefined;
  /** It was read as a statement on rows, or built here. */
  readonly isChecked?: boolean;
}

/** The result of a command that was not sent to the server. */
export function emptyResult(command: string): pg.QueryResult {
  return { command, rowCount: null, oid: 0, fields: [], rows: [] };
}
