/**
 * The names that an application has given to its statements on one client. PostgreSQL does not learn them: a connection is
 * used by other clients, and by other tenants, who could read the text and would collide with the name.
 */
export class StatementNames {
  private readonly texts = new Map<string, string>();

  /**
   * @param text as in node-postgres, it may be left out once the name is known
   * @returns the text that the name stands for
   * @throws Error with node-postgres' message when the name stands for another text
   */
  resolve(name: string, text: unknown): unknown {
    const known = this.texts.get(name);
    if (known !== undefined && text && text !== known)
      throw new Error(`Prepared statements must be unique - '${name}' was used for a different statement`);
    if (known === undefined && typeof text === 'string') this.texts.set(name, text);
    return known ?? text;
  }

  /** The statement failed, so that its text may not have been prepared. */
  forget(name: string): void {
    this.texts.delete(name);
  }
}
