/** What the contract asks of a data layer: a singleton, created once at the start, in the words of its own library. */
export interface DataLayer {
  list(): Promise<string[]>;
  /** By id. */
  read(id: string): Promise<string | undefined>;
  insert(id: string, text: string): Promise<unknown>;
  /** @returns the number of rows changed */
  update(id: string, text: string): Promise<number>;
  /** @returns the number of rows deleted */
  remove(id: string): Promise<number>;
  /** SQL as it is. */
  raw(sql: string): Promise<unknown>;
  /** Inside a transaction, one more is nested by a savepoint. */
  transaction<T>(work: (inside: DataLayer) => Promise<T>): Promise<T>;
  /** The texts of all rows, a few at a time; undefined where the library cannot. */
  readonly stream?: () => AsyncIterable<string>;
}
