/** Things that a company of the existing application has many of, each with lines and notes: 42 tables. */
export const THINGS = [
  ...['orders', 'invoices', 'quotes', 'shipments', 'returns', 'payments', 'contracts'],
  ...['projects', 'tickets', 'campaigns', 'subscriptions', 'purchases', 'assets', 'events'],
] as const;

export interface LargeOptions {
  /** Of shared tables: how many companies; undefined for tables of one tenant. */
  readonly companies?: number;
  /** Rows of each thing; twice as many lines, as many notes. */
  readonly rows: number;
}

/** A real-looking application of 45 tables and one of reference, with about 60 rows per `rows`. */
export function largeSql({ companies, rows }: LargeOptions): string {
  const column = companies === undefined ? '' : 'company_id integer NOT NULL REFERENCES companies ON DELETE CASCADE,';
  const key = (columns: string): string => (companies === undefined ? columns : `company_id, ${columns}`);
  const value = companies === undefined ? '' : `n % ${companies} + 1,`;
  const name = companies === undefined ? '' : 'company_id,';
  return [
    `CREATE TYPE stage AS ENUM ('open', 'won', 'lost');
     CREATE TABLE currencies (code char(3) PRIMARY KEY, name text NOT NULL);
     INSERT INTO currencies VALUES ('EUR', 'Euro'), ('USD', 'Dollar');`,
    companies === undefined
      ? ''
      : `CREATE TABLE companies (id serial PRIMARY KEY, slug text NOT NULL UNIQUE, name text NOT NULL);
         INSERT INTO companies (slug, name) SELECT 'company-' || n, 'Company ' || n FROM generate_series(1, ${companies}) n;`,
    `CREATE TABLE users (id bigserial PRIMARY KEY, ${column} email text NOT NULL, UNIQUE (${key('email')}));
     CREATE TABLE customers (id bigserial PRIMARY KEY, ${column} name text NOT NULL, email text NOT NULL, owner_id bigint REFERENCES users ON DELETE SET NULL, UNIQUE (${key('email')}));
     CREATE INDEX ON customers (owner_id);
     CREATE INDEX ON customers (${key('name')});
     INSERT INTO users (${name} email) SELECT ${value} 'u' || n || '@example.com' FROM generate_series(1, ${Math.ceil(rows / 10)}) n;
     INSERT INTO customers (${name} name, email) SELECT ${value} 'Customer ' || n, 'c' || n || '@example.com' FROM generate_series(1, ${rows}) n;`,
    ...THINGS.map((thing) => {
      const one = thing.replace(/s$/, '');
      return `
        CREATE TABLE ${thing} (id bigserial PRIMARY KEY, ${column} customer_id bigint REFERENCES customers ON DELETE SET NULL, number text NOT NULL,
          stage stage NOT NULL DEFAULT 'open', currency char(3) NOT NULL DEFAULT 'EUR' REFERENCES currencies, amount numeric(12,2) NOT NULL DEFAULT 0 CHECK (amount >= 0),
          created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (${key('number')}));
        CREATE INDEX ${thing}_customer ON ${thing} (customer_id);
        CREATE INDEX ${thing}_recent ON ${thing} (${key('created_at DESC')});
        CREATE TABLE ${one}_lines (${one}_id bigint NOT NULL REFERENCES ${thing} ON DELETE CASCADE, line integer NOT NULL, article text NOT NULL, quantity integer NOT NULL DEFAULT 1, PRIMARY KEY (${one}_id, line));
        CREATE TABLE ${one}_notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ${column} ${one}_id bigint REFERENCES ${thing} ON DELETE CASCADE, text text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
        CREATE INDEX ON ${one}_notes (${one}_id);
        INSERT INTO ${thing} (${name} customer_id, number, amount) SELECT ${value} n, 'N-' || n, n FROM generate_series(1, ${rows}) n;
        INSERT INTO ${one}_lines (${one}_id, line, article) SELECT n, k, 'Article ' || k FROM generate_series(1, ${rows}) n, generate_series(1, 2) k;
        INSERT INTO ${one}_notes (${name} ${one}_id, text) SELECT ${value} n, 'Note ' || n FROM generate_series(1, ${rows}) n;`;
    }),
  ].join('\n');
}

/** The statements that the existing application repeats, for one company, with ids that no other worker uses. */
export function tradeOf(
  company: number | undefined,
  worker: number,
  turn: number,
): readonly (readonly [string, unknown[]])[] {
  const thing = THINGS[turn % THINGS.length] ?? 'orders';
  const one = thing.replace(/s$/, '');
  const id = 1_000_000_000 + worker * 10_000_000 + turn;
  const [name, value, own] = company === undefined ? ['', '', []] : ['company_id, ', '$3, ', [company]];
  const insert = `INSERT INTO ${thing} (${name}id, number) VALUES (${value}$1, $2) ON CONFLICT (id) DO UPDATE SET amount = ${thing}.amount + 1`;
  return [
    ['BEGIN', []],
    [insert, [id, `W-${worker}-${turn}`, ...own]],
    [insert, [id, `W-${worker}-${turn}`, ...own]],
    [`INSERT INTO ${one}_lines (${one}_id, line, article) VALUES ($1, 1, 'Bought')`, [id]],
    ['COMMIT', []],
    [`UPDATE ${thing} SET amount = amount + 1, stage = 'won' WHERE id = $1`, [id]],
    // One of the rows that were there before, which may not be filled yet.
    [`UPDATE ${thing} SET amount = amount + 1 WHERE id = $1`, [(turn % 500) + 1]],
    [`SELECT count(*) FROM ${one}_lines WHERE ${one}_id = $1`, [id]],
    [`SELECT * FROM ${thing} ORDER BY created_at DESC LIMIT 5`, []],
    ...(turn % 3 === 0 ? [[`DELETE FROM ${thing} WHERE id = $1`, [id]] as [string, unknown[]]] : []),
  ];
}
