import type pg from 'pg';
import type { StatementPlan } from './statement-records.js';
import { protocol, type ResultInternals } from '../connection/pg-internals.js';

/** Prepared statements per connection; PostgreSQL keeps a plan of roughly 10 to 100 KB for each. */
const MAX_STATEMENTS = 200;

/**
 * The column descriptions of a prepared statement's result. Valid for as long as the statement is prepared: PostgreSQL
 * raises an error rather than return other columns under the same name.
 */
export class ResultColumns {
  private readonly fields: readonly pg.FieldDef[];
  private parsers: TypeParsers;
  private readonly emptyRow: unknown;

  constructor({ fields, _parsers, _prebuiltEmptyResultObject }: ResultInternals) {
    this.fields = Object.freeze(fields);
    this.parsers = _parsers ?? [];
    this.emptyRow = _prebuiltEmptyResultObject;
  }

  applyTo(result: ResultInternals): void {
    result.fields = this.fields as pg.FieldDef[];
    result._parsers = this.parsersIn(result._types);
    result._prebuiltEmptyResultObject = this.emptyRow;
  }

  /** The application may set a type's parser at any time. Results in progress keep the array that they were given. */
  private parsersIn(types: pg.CustomTypesConfig | undefined): TypeParsers {
    if (types && this.fields.some((field, index) => parserOf(field, types) !== this.parsers[index]))
      this.parsers = this.fields.map((field) => parserOf(field, types));
    return this.parsers;
  }
}

type TypeParsers = NonNullable<ResultInternals['_parsers']>;

function parserOf({ dataTypeID, format }: pg.FieldDef, types: pg.CustomTypesConfig): unknown {
  return types.getTypeParser(dataTypeID, (format || 'text') as 'text');
}

/** One preparation of a name on a connection; replaced when it fails or when the server has lost it. */
export class NamedStatement {
  /** Its `Parse` has been sent, and has not failed so far. */
  isPrepared = false;
  columns: ResultColumns | undefined;

  constructor(
    readonly name: string,
    /** Whether to close the name before preparing it: the server may still have an earlier statement under it. */
    readonly mustClose: boolean,
    /** That of its plan. */
    readonly version = 0,
  ) {}
}

/** The prepared statements of one connection: the stamps, the asking for a position, and the most recently used statements. */
export class PreparedStatements {
  private stampStatement = new NamedStatement('tenantry_stamp', false);
  private readOnlyStamp = new NamedStatement('tenantry_read_only_stamp', false);
  private positionStatement = new NamedStatement('tenantry_position', false);
  private readonly named = new Map<StatementPlan, NamedStatement>();
  /** Used once on this connection. A text that does not recur while others do is not worth preparing. */
  private readonly seenOnce = new Set<StatementPlan>();

  stampOf({ isReadOnly }: { readonly isReadOnly?: boolean | undefined }): NamedStatement {
    return isReadOnly ? this.readOnlyStamp : this.stampStatement;
  }

  /** Asks for the position of the log. */
  get position(): NamedStatement {
    return this.positionStatement;
  }

  /** @returns undefined while the plan has no name on this connection */
  find(plan: StatementPlan): NamedStatement | undefined {
    const found = this.named.get(plan);
    if (found) return this.saveAsNewest(plan, found.version === plan.version ? found : preparedAgain(found, plan));
    if (this.seenOnce.delete(plan)) return this.saveAsNewest(plan, new NamedStatement(plan.name, false, plan.version));
    this.seenOnce.add(plan);
    if (this.seenOnce.size > MAX_STATEMENTS) this.seenOnce.delete(first(this.seenOnce));
    return undefined;
  }

  /** The server does not have the statement, or may not have it: its next use prepares it again. */
  invalidate(failed: NamedStatement, plan?: StatementPlan): void {
    if (failed === this.stampStatement) this.stampStatement = new NamedStatement(failed.name, true);
    else if (failed === this.positionStatement) this.positionStatement = new NamedStatement(failed.name, true);
    else if (failed === this.readOnlyStamp) this.readOnlyStamp = new NamedStatement(failed.name, true);
    else if (plan && this.named.get(plan) === failed) this.named.set(plan, preparedAgain(failed, plan));
  }

  /** The server has lost a name, and may have lost them all: each is prepared again with its next use. */
  invalidateAll(): void {
    this.invalidate(this.stampStatement);
    this.invalidate(this.readOnlyStamp);
    this.invalidate(this.positionStatement);
    for (const [plan, named] of this.named) this.invalidate(named, plan);
  }

  /** @returns the names of the evicted statements, which the caller must close; none while there is room */
  evictOldest(): string[] {
    const evicted: string[] = [];
    while (this.named.size > MAX_STATEMENTS) {
      const [plan, { name }] = first(this.named);
      this.named.delete(plan);
      evicted.push(name);
    }
    return evicted;
  }

  private saveAsNewest(plan: StatementPlan, statement: NamedStatement): NamedStatement {
    // Moves it to the most recent position; skipped while the map is small and eviction is far off.
    if (this.named.size > MAX_STATEMENTS / 2) this.named.delete(plan);
    this.named.set(plan, statement);
    return statement;
  }
}

/** @returns what replaces it */
function preparedAgain({ name }: NamedStatement, { version }: StatementPlan): NamedStatement {
  return new NamedStatement(name, true, version);
}

function first<T>(all: Iterable<T>): T {
  for (const one of all) return one;
  throw new RangeError('the collection is empty');
}

/** The messages that prepare a statement, when it is not yet prepared. */
export function prepareMessages(named: NamedStatement, text: string): Buffer[] {
  if (named.isPrepared) return [];
  named.isPrepared = true;
  const parse = protocol.parse(text, named.name);
  return named.mustClose ? [protocol.close(named.name), parse] : [parse];
}
