// A process that owns an embedded PostgreSQL, for tests that kill the owner, or run it as somebody else.
// Arguments: the folder of the compiled code; JSON of { uid?, gid?, start: EmbeddedPostgresOptions }.
// Writes one line of JSON: { url } or { code, message }. SIGINT: finishes what it does, writes "drained", and stops.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, argument] = process.argv.slice(2);
const { uid, gid, start } = JSON.parse(argument);
const { EmbeddedPostgres } = await import(pathToFileURL(join(dist, 'dev/embedded-postgres/embedded-postgres.js')).href);
const { default: pg } = await import('pg');

if (uid !== undefined) {
  process.setgroups([]);
  process.setgid(gid);
  process.setuid(uid);
}

try {
  const server = await EmbeddedPostgres.start(start);
  const alive = setInterval(() => {}, 60_000);
  const stop = async () => {
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query('SELECT pg_sleep(0.3)');
    await client.end();
    console.log('drained');
    await server.stop();
    clearInterval(alive);
  };
  process.once('SIGINT', () => void stop());
  console.log(JSON.stringify({ url: server.url }));
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message }));
  process.exitCode = 1;
}
