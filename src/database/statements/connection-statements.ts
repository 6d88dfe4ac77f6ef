import type pg from 'pg';
import type { StatementPlan } from './statement-records.js';
import type { WireResult } from './wire.js';

/** Names that one connection keeps; PostgreSQL keeps a plan of some 10 to 100 KB for each. */
const MAX_NAMES = 200;

/** What a result says of its columns. It holds for as long as the name does: PostgreSQL refuses to return others. */
export class Columns {
  private readonly fields: readonly pg.FieldDef[];
  private readonly parsers: unknown;
  private readonly emptyRow: unknown;

  constructor({ fields, _parsers, _prebuiltEmptyResultObject }: WireResult) {
    this.fields = Object.freeze(fields);
    this.parsers = _parsers;
    this.emptyRow = _prebuiltEmptyResultObject;
  }

  applyTo(result: WireResult): void {
    result.fields = this.fields as pg.FieldDef[];
    result._parsers = this.parsers;
    result._prebuiltEmptyResultObject = this.emptyRow;
  }
}

/** One making of a name on a connection; when that fails, or the server forgets it, another one takes its place. */
export class NamedStatement {
  /** A flight that makes it is under way or has come through. */
  isMade = false;
  columns: Columns | undefined;

  constructor(
    readonly name: string,
    /** What is called so now: nobody knows whether the server has it. */
    readonly replaces: boolean,
  ) {}
}

/** The prepared statements of one connection: the stamp, and those that were used last. */
export class ConnectionStatements {
  private stamping = new NamedStatement('tenantry_stamp', false);
  private readonly named = new Map<StatementPlan, NamedStatement>();
  /** Seen once on this connection: a text that does not come again while others do is not worth a plan. */
  private readonly seen = new Set<StatementPlan>();

  get stamp(): NamedStatement {
    return this.stamping;
  }

  /** Undefined while it has no name here. */
  find(plan: StatementPlan): NamedStatement | undefined {
    const found = this.named.get(plan);
    if (found) {
      this.keep(plan, found);
      return found;
    }
    if (this.seen.delete(plan)) return this.keep(plan, new NamedStatement(plan.name, false));
    this.seen.add(plan);
    if (this.seen.size > MAX_NAMES) this.seen.delete(first(this.seen));
    return undefined;
  }

  /** It is not, or not any more, what it was made as. */
  renew(failed: NamedStatement, plan?: StatementPlan): void {
    if (failed === this.stamping) this.stamping = new NamedStatement(failed.name, true);
    else if (plan && this.named.get(plan) === failed) this.named.set(plan, new NamedStatement(failed.name, true));
  }

  /** @returns a name to close, which is forgotten from now on */
  takeSurplus(): string | undefined {
    if (this.named.size <= MAX_NAMES) return undefined;
    const [plan, { name }] = first(this.named);
    this.named.delete(plan);
    return name;
  }

  private keep(plan: StatementPlan, statement: NamedStatement): NamedStatement {
    if (this.named.size > MAX_NAMES / 2) this.named.delete(plan); // so that it comes last; with few names nobody asks
    this.named.set(plan, statement);
    return statement;
  }
}

function first<T>(all: Iterable<T>): T {
  for (const one of all) return one;
  throw new RangeError('there is none');
}
