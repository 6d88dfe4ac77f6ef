import Cursor from 'pg-cursor';

const PROBES = {
  'a write whose stamp fails': stampFails,
  'a column is added': columnAdded,
  'the names are lost': namesForgotten,
  'a cursor on the same connection': cursorOpens,
};

/** What becomes of a statement in each situation, as rows of a table: a contestant per row. */
export async function probe(contestants, owner) {
  const rows = [['contestant', ...Object.keys(PROBES)]];
  for (const contestant of contestants) {
    const cells = [];
    for (const check of Object.values(PROBES)) cells.push(await check(contestant, owner));
    rows.push([contestant.name, ...cells]);
  }
  return rows;
}

/** A search path with a syntax error stands for all reasons: a cancel request, a time limit, a lack of memory. */
async function stampFails({ run, stamps, connections }, owner) {
  await run(0, 1);
  const stamp = { ...stamps[connections], searchPath: '"' };
  const text = `UPDATE orders SET status = 'changed' WHERE id = $1`;
  const code = await outcome(() => run(connections, 1, { text, stamp })); // on the same connection as before
  await run(0, 1); // a write that is still running there ends before this read
  const { rows } = await owner.query(
    `UPDATE orders SET status = 'paid' WHERE status = 'changed' RETURNING tenant_id AS tenant`,
  );
  const effect = rows.map(({ tenant }) => (tenant === stamp.tenantId ? 'has run' : "HAS CHANGED ANOTHER TENANT'S ROW"));
  return [code === undefined ? 'no error' : code, ...effect].join(', ');
}

async function namesForgotten({ clients, run, connections }) {
  if (!clients) return 'not tried';
  await Promise.all(clients.map((client) => client.query('DEALLOCATE ALL')));
  return reads(run, connections);
}

async function columnAdded({ run, connections }, owner) {
  await owner.query('ALTER TABLE orders ADD COLUMN note text');
  const answer = await reads(run, connections);
  await owner.query('ALTER TABLE orders DROP COLUMN note');
  await reads(run, connections);
  return answer;
}

async function cursorOpens({ clients }) {
  if (!clients) return 'not tried';
  const answer = await outcome(async () => {
    const cursor = clients[0].query(new Cursor('SELECT generate_series(1, 3)'));
    await cursor.read(1);
    await cursor.close();
  });
  return answer === undefined ? 'works' : 'refused';
}

/** Ten reads on each connection, so that the ones that fail for good stand out. */
async function reads(run, connections) {
  const codes = new Map();
  for (let n = 0; n < 10 * connections; n++) {
    const code = await outcome(() => run(n, 1));
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  codes.delete(undefined);
  const failed = [...codes].map(([code, count]) => `${count} x ${code}`).join(', ');
  return failed === '' ? 'works' : `${failed} of ${10 * connections}`;
}

/** @returns undefined, or the error's code */
async function outcome(work) {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error.code ?? error.message;
  }
}
