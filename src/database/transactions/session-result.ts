/** What a statement of a session returns: as in node-postgres, but in types of our own, since `@types/pg` is not a peer. */
export interface SessionResult<Row> {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: Row[];
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** A notification that a session received. */
export interface SessionNotification {
  /** The name that was given to `listen`. */
  readonly channel: string;
  readonly payload?: string | undefined;
}
