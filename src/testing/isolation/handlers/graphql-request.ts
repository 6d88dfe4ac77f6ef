import type { RouteRequest } from '../routes/route-request.js';
import type { Argument, GraphqlField, GraphqlOperationField, GraphqlType } from './graphql-endpoint.js';

/** How deep answers and arguments are: an object, those in it, and those in these. */
const MAX_DEPTH = 3;

/** A row's value for an argument of a name; undefined where it has none of that name. */
export interface ArgumentSource {
  /** Of the column of that name. */
  named(name: string): unknown;
  /** The key of the row. */
  readonly key: unknown;
}

/**
 * Requests that ask for what an operation can return, with arguments from a row: all of it, and the fields of its own objects
 * alone, because one field that fails may leave the whole answer empty.
 */
export function graphqlRequests(operation: GraphqlOperationField, source: ArgumentSource): RouteRequest[] {
  return [MAX_DEPTH, 1].map((depth) => graphqlRequest(operation, new OperationWriter(source, depth)));
}

function graphqlRequest(operation: GraphqlOperationField, writer: OperationWriter): RouteRequest {
  const selection = writer.field(operation.field, 0) ?? '__typename';
  const declared = writer.declarations.length > 0 ? `(${writer.declarations.join(', ')})` : '';
  const query = `${operation.kind}${declared} { ${selection} }`;
  return { method: 'POST', path: operation.path, body: { query, variables: writer.variables } };
}

class OperationWriter {
  readonly declarations: string[] = [];
  readonly variables: Record<string, unknown> = {};
  private aliases = 0;

  constructor(
    private readonly source: ArgumentSource,
    private readonly depth: number,
  ) {}

  /** Undefined where nothing of it can be asked for at this depth. */
  field({ name, args, type }: GraphqlField, depth: number): string | undefined {
    const selection = this.selection(nullable(type), depth);
    return selection === undefined ? undefined : `${name}${this.arguments(args)}${selection}`;
  }

  private selection(type: GraphqlType, depth: number): string | undefined {
    if (type.ofType) return this.selection(type.ofType, depth);
    const members = type.getTypes?.();
    if (!members && !type.getFields) return '';
    if (depth >= this.depth) return undefined;
    const parts = members
      ? members.map((member) => `... on ${String(member)}${this.selection(member, depth) ?? ' { __typename }'}`)
      : Object.values(type.getFields?.() ?? {}).flatMap((each) => this.aliased(each, depth + 1));
    return ` { ${['__typename', ...parts].join(' ')} }`;
  }

  /** Under a name of its own: members of a union may have fields of one name and of different types. */
  private aliased(field: GraphqlField, depth: number): string[] {
    const text = this.field(field, depth);
    return text === undefined ? [] : [`a${(this.aliases += 1)}: ${text}`];
  }

  private arguments(args: readonly Argument[]): string {
    const given = args.flatMap(({ name, type }) => {
      const value = this.valueOf(name, type, 0);
      if (value === undefined) return [];
      const variable = `v${this.declarations.length}`;
      this.declarations.push(`$${variable}: ${String(type)}`);
      this.variables[variable] = value;
      return [`${name}: $${variable}`];
    });
    return given.length === 0 ? '' : `(${given.join(', ')})`;
  }

  /** Undefined for what may be left out, and which no column is named like. */
  private valueOf(name: string, type: GraphqlType, depth: number): unknown {
    const isRequired = isNonNull(type);
    const inner = nullable(type);
    if (isList(inner)) {
      const item = this.valueOf(name, inner.ofType!, depth);
      return item === undefined ? (isRequired ? [] : undefined) : [item];
    }
    if (inner.getFields) return depth >= MAX_DEPTH && !isRequired ? undefined : this.inputOf(inner, depth + 1);
    const named = this.source.named(name);
    if (named === undefined && !isRequired && inner.name !== 'ID') return undefined;
    return fitted(named ?? this.source.key, inner);
  }

  private inputOf(type: GraphqlType, depth: number): Record<string, unknown> {
    const fields = Object.values(type.getFields?.() ?? {});
    const values = fields.map((field) => [field.name, this.valueOf(field.name, field.type, depth)] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  }
}

function fitted(value: unknown, type: GraphqlType): unknown {
  const [first] = type.getValues?.() ?? [];
  if (first) return first.name;
  switch (type.name) {
    case 'Int':
    case 'Float':
      return typeof value === 'number' ? value : 1;
    case 'Boolean':
      return typeof value === 'boolean' ? value : true;
    case 'ID':
    case 'String':
      return typeof value === 'string' ? value : JSON.stringify(value ?? 'x');
    default:
      return value;
  }
}

function isNonNull(type: GraphqlType): boolean {
  return String(type).endsWith('!');
}

function isList(type: GraphqlType): boolean {
  return String(type).startsWith('[') && type.ofType !== undefined;
}

function nullable(type: GraphqlType): GraphqlType {
  return isNonNull(type) && type.ofType ? type.ofType : type;
}
