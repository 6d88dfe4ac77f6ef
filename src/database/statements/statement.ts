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
  /** Asks where the server's log stands once the statement has taken effect, in the same round trip. */
  readonly onPosition?: OnPosition | undefined;
}

/**
 * @param position a result of `POSITION_SQL`; undefined when it could not be asked, and when the statement's outcome is not known
 * @param serverId of the server on which the statement ran
 */
export type OnPosition = (position: string | undefined, serverId: string | undefined) => void;

/** The result of a command that was not sent to the server. */
export function emptyResult(command: string): pg.QueryResult {
  return { command, rowCount: null, oid: 0, fields: [], rows: [] };
}
