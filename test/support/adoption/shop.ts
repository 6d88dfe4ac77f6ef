/**
 * A small shop of a former time: companies share its tables, keys are numbers of one sequence, lines have no company of their
 * own. $n: how many companies; each has customers, orders and lines.
 */
export function shopSql(companies: number, keyType: 'integer' | 'uuid' | 'text' = 'integer'): string {
  const key = { integer: 'serial', uuid: 'uuid DEFAULT gen_random_uuid()', text: 'text' }[keyType];
  const of = { integer: 'n', uuid: `md5('company' || n)::uuid`, text: `'company-' || n` }[keyType];
  return `
    CREATE TYPE order_status AS ENUM ('open', 'paid');
    CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL);
    CREATE TABLE companies (id ${key} PRIMARY KEY, name text NOT NULL, slug text NOT NULL UNIQUE);
    CREATE TABLE customers (id serial PRIMARY KEY, company_id ${keyType} NOT NULL REFERENCES companies ON DELETE CASCADE, email text NOT NULL,
      country text REFERENCES countries, UNIQUE (company_id, email));
    CREATE TABLE orders (id serial PRIMARY KEY, company_id ${keyType} NOT NULL REFERENCES companies ON DELETE CASCADE, customer_id integer REFERENCES customers ON DELETE SET NULL,
      number text NOT NULL, status order_status NOT NULL DEFAULT 'open', total numeric(10,2) NOT NULL DEFAULT 0 CHECK (total >= 0), placed_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT orders_number UNIQUE (company_id, number));
    CREATE INDEX orders_customer ON orders (customer_id);
    CREATE INDEX orders_by_time ON orders (company_id, placed_at DESC);
    CREATE INDEX orders_of_company ON orders (company_id);
    CREATE UNIQUE INDEX one_open_order ON orders (customer_id) WHERE status = 'open' AND total = 0;
    CREATE TABLE order_lines (order_id integer NOT NULL REFERENCES orders ON DELETE CASCADE, line integer NOT NULL, article text NOT NULL, PRIMARY KEY (order_id, line));
    CREATE INDEX ON order_lines (lower(article));
    COMMENT ON INDEX orders_number IS 'numbers are printed';
    INSERT INTO countries VALUES ('de', 'Germany'), ('fr', 'France');
    INSERT INTO companies (id, name, slug) SELECT ${of}, 'Company ' || n, 'company-' || n FROM generate_series(1, ${companies}) n;
    ${keyType === 'integer' ? `SELECT setval('companies_id_seq', ${companies});` : ''}
    INSERT INTO customers (company_id, email, country) SELECT ${of}, 'c' || k || '@example.com', 'de' FROM generate_series(1, ${companies}) n, generate_series(1, 5) k;
    INSERT INTO orders (company_id, customer_id, number, total) SELECT company_id, id, 'O-' || id || '-' || k, k FROM customers, generate_series(1, 4) k;
    INSERT INTO order_lines SELECT id, k, 'Article ' || k FROM orders, generate_series(1, 3) k;`;
}
