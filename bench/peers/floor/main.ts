// The lower bound: Fastify and node-postgres by hand, without NestJS, TypeORM or tenants. One prepared statement per
// request, with the JSON built by PostgreSQL, so that nothing is parsed, mapped or built here.
import Fastify, { type FastifyReply } from 'fastify';
import pg from 'pg';
import { ApiKeys } from '../shop/api-keys.js';
import { isId, newOrder, pageQuery } from '../shop/schemas.js';

const INSTANT = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;

/** An order in the same JSON as the other programs return, built from a row `o`. */
const VIEW = `json_build_object('id', o.id, 'number', o.number, 'customerId', o.customer_id, 'status', o.status,
  'currency', o.currency, 'total', o.total,
  'lines', (SELECT json_agg(json_build_object('description', l.description, 'quantity', l.quantity,
                                              'unitPrice', l.unit_price) ORDER BY l.position)
            FROM order_lines l WHERE l.order_id = o.id),
  'version', o.version, 'createdAt', to_char(o.created_at AT TIME ZONE 'UTC', ${INSTANT}),
  'updatedAt', to_char(o.updated_at AT TIME ZONE 'UTC', ${INSTANT}))`;

const READ = `SELECT ${VIEW}::text AS body FROM orders o WHERE o.id = $1`;

const LIST = `
  WITH page AS (SELECT * FROM orders ORDER BY created_at DESC, id DESC LIMIT $1 + 1),
  shown AS (SELECT * FROM page ORDER BY created_at DESC, id DESC LIMIT $1),
  last AS (SELECT created_at, id FROM shown ORDER BY created_at, id LIMIT 1)
  SELECT json_build_object(
    'items', (SELECT coalesce(json_agg(${VIEW} ORDER BY o.created_at DESC, o.id DESC), '[]') FROM shown o),
    'nextCursor', CASE WHEN (SELECT count(*) FROM page) > $1 THEN (SELECT rtrim(translate(encode(convert_to(
      (extract(epoch FROM created_at) * 1000)::bigint || '.' || id, 'UTF8'), 'base64'), E'+/\\n', '-_'), '=')
      FROM last) END)::text AS body`;

/** One statement is one transaction: the order and its lines are created atomically. */
const INSERT = `
  WITH o AS (INSERT INTO orders (number, customer_id, status, currency, total) VALUES ($1, $2, $3, $4, $5) RETURNING *),
  given AS (SELECT n - 1 AS position, description, quantity, unit_price
            FROM unnest($6::text[], $7::int[], $8::bigint[]) WITH ORDINALITY AS u (description, quantity, unit_price, n)),
  written AS (INSERT INTO order_lines (order_id, position, description, quantity, unit_price)
              SELECT o.id, given.* FROM o, given)
  SELECT ${VIEW.replace(/FROM order_lines l WHERE l\.order_id = o\.id/, 'FROM given l')}::text AS body FROM o`;

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL']!, max: 10 });
const keys = new ApiKeys(process.env['API_KEYS_FILE']!);
const app = Fastify();

app.addHook('onRequest', (request, reply, done) => {
  if (keys.holderOf(request.headers.authorization)) return done();
  void reply.status(401).send({ code: 'UNAUTHENTICATED' });
});

app.get('/api/v1/orders', async (request, reply) => {
  const query = pageQuery.safeParse(request.query);
  if (!query.success) return reply.status(400).send({ code: 'VALIDATION_FAILED' });
  return answer(reply, 200, 'list', LIST, [query.data.limit]);
});

app.get<{ Params: { id: string } }>('/api/v1/orders/:id', async ({ params: { id } }, reply) => {
  if (!isId(id)) return reply.status(404).send({ code: 'NOT_FOUND' });
  return answer(reply, 200, 'read', READ, [id]);
});

app.post('/api/v1/orders', async (request, reply) => {
  const order = newOrder.safeParse(request.body);
  if (!order.success) return reply.status(400).send({ code: 'VALIDATION_FAILED' });
  const { number, customerId, status, currency, lines } = order.data;
  const total = lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0);
  const columns = [
    lines.map(({ description }) => description),
    lines.map(({ quantity }) => quantity),
    lines.map(({ unitPrice }) => unitPrice),
  ];
  return answer(reply, 201, 'insert', INSERT, [number, customerId, status, currency, total, ...columns]);
});

async function answer(reply: FastifyReply, status: number, name: string, text: string, values: unknown[]) {
  const { rows } = await pool.query<{ body: string }>({ name, text, values });
  if (!rows[0]) return reply.status(404).send({ code: 'NOT_FOUND' });
  return reply.status(status).type('application/json; charset=utf-8').send(rows[0].body);
}

await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
process.once(
  'SIGTERM',
  () =>
    void app
      .close()
      .then(() => pool.end())
      .then(() => process.exit(0)),
);
