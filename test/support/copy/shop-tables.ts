import { pick } from '../statements/seeded-random.js';

/** Tables that refer to each other in every way: actions, a self reference, a cycle, partitions, keys that change. */
export const SHOP = `
  CREATE TABLE customers (tenant_id uuid NOT NULL, id int, email text NOT NULL, referrer int, PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email), FOREIGN KEY (tenant_id, referrer) REFERENCES customers ON DELETE SET NULL (referrer));
  CREATE TABLE orders (tenant_id uuid NOT NULL, id int, customer int NOT NULL, nr int NOT NULL, PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, nr), FOREIGN KEY (tenant_id, customer) REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE products (tenant_id uuid NOT NULL, sku text, name text NOT NULL, PRIMARY KEY (tenant_id, sku), UNIQUE (tenant_id, name));
  CREATE TABLE lines (tenant_id uuid NOT NULL, "order" int, nr int, product text, PRIMARY KEY (tenant_id, "order", nr),
    FOREIGN KEY (tenant_id, "order") REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY (tenant_id, product) REFERENCES products ON UPDATE CASCADE);
  CREATE TABLE teams (tenant_id uuid NOT NULL, id int, lead int, PRIMARY KEY (tenant_id, id));
  CREATE TABLE members (tenant_id uuid NOT NULL, id int, team int NOT NULL, PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, team) REFERENCES teams ON DELETE CASCADE);
  ALTER TABLE teams ADD FOREIGN KEY (tenant_id, lead) REFERENCES members ON DELETE SET NULL (lead);
  CREATE TABLE events (tenant_id uuid NOT NULL, day int NOT NULL, id int NOT NULL, "order" int, at timestamptz DEFAULT now(),
    PRIMARY KEY (tenant_id, day, id), FOREIGN KEY (tenant_id, "order") REFERENCES orders ON DELETE CASCADE ON UPDATE CASCADE)
    PARTITION BY RANGE (day);
  CREATE TABLE events_0 PARTITION OF events FOR VALUES FROM (0) TO (5);
  CREATE TABLE events_5 PARTITION OF events FOR VALUES FROM (5) TO (10);
`;

type Random = () => number;

/** A statement, or several, that changes rows of tenant `$t` at random. Many of them are refused by a constraint. */
export function randomChange(random: Random): string {
  const n = (below: number): number => Math.floor(random() * below);
  const [a, b] = [n(8), n(8)];
  const own = (id: number | string, column = 'id'): string => `tenant_id = $t AND "${column}" = ${id}`;
  const changes: readonly (() => string)[] = [
    () => `INSERT INTO customers VALUES ($t, ${a}, 'mail ${n(9)}', ${pick(random, ['NULL', String(b)])})`,
    () => `UPDATE customers SET email = 'mail ${n(9)}' WHERE ${own(a)}`,
    () => `UPDATE customers SET referrer = ${b} WHERE ${own(a)}`,
    () => `UPDATE customers SET id = ${b} WHERE ${own(a)}`,
    () => `DELETE FROM customers WHERE ${own(a)}`,
    // One takes over the mail address of another, which gets a new one.
    () => `UPDATE customers SET email = 'mail ' || random() WHERE ${own(a)};
      UPDATE customers SET email = 'mail ${n(9)}' WHERE ${own(b)}`,
    () => `INSERT INTO orders VALUES ($t, ${n(20)}, ${a}, ${n(20)})`,
    () => `INSERT INTO orders VALUES ($t, ${n(20)}, ${a}, ${n(20)})`,
    () =>
      `UPDATE orders SET customer = ${b} WHERE tenant_id = $t AND customer = ${a}; DELETE FROM customers WHERE ${own(a)}`,
    () => `UPDATE orders SET id = ${n(20)}, nr = ${n(20)} WHERE ${own(n(20))}`,
    () => `DELETE FROM orders WHERE ${own(n(20))}`,
    () => `INSERT INTO products VALUES ($t, 'sku ${a}', 'name ${n(8)}')`,
    // Names change places, by way of another one.
    () => `UPDATE products p SET name = 'from ' || name WHERE tenant_id = $t AND sku IN ('sku ${a}', 'sku ${b}');
      UPDATE products p SET name = (SELECT substr(o.name, 6) FROM products o WHERE o.tenant_id = $t AND o.sku <> p.sku AND o.name LIKE 'from %')
      WHERE tenant_id = $t AND name LIKE 'from %'`,
    () => `UPDATE products SET sku = 'sku ${b}' WHERE ${own(`'sku ${a}'`, 'sku')}`,
    () => `DELETE FROM products WHERE ${own(`'sku ${a}'`, 'sku')}`,
    () => `INSERT INTO lines VALUES ($t, ${n(20)}, ${n(3)}, 'sku ${a}')`,
    () => `INSERT INTO lines SELECT $t, id, ${n(3)}, 'sku ${a}' FROM orders WHERE tenant_id = $t AND id < ${n(20)}`,
    () => `UPDATE lines SET "order" = ${n(20)} WHERE ${own(n(20), 'order')}`,
    () => `UPDATE lines SET product = 'sku ${b}' WHERE ${own(`'sku ${a}'`, 'product')}`,
    () => `DELETE FROM lines WHERE ${own(n(20), 'order')}`,
    () => `INSERT INTO teams VALUES ($t, ${a}); INSERT INTO members VALUES ($t, ${n(20)}, ${a})`,
    () => `UPDATE teams SET lead = ${n(20)} WHERE ${own(a)}`,
    () => `UPDATE members SET team = ${b} WHERE tenant_id = $t AND team = ${a}; DELETE FROM teams WHERE ${own(a)}`,
    () => `DELETE FROM members WHERE ${own(n(20))}`,
    () => `INSERT INTO events (tenant_id, day, id, "order") VALUES ($t, ${n(10)}, ${n(5)}, ${n(20)})`,
    () => `UPDATE events SET day = ${n(10)} WHERE ${own(n(10), 'day')} AND id = ${n(5)}`,
    () => `DELETE FROM events WHERE ${own(n(10), 'day')}`,
  ];
  return pick(random, changes)();
}
