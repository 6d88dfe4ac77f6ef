import pg from 'pg';

/** A database for one host, on the server that `startServices` has started. @returns its URL */
export async function createDatabase(name) {
  const server = JSON.parse(process.env.TEST_POSTGRES);
  const { host, port, superuser: user, superuserPassword: password, owner } = server;
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name} OWNER ${owner}`);
  } finally {
    await client.end();
  }
  return `postgres://${owner}:${encodeURIComponent(server.ownerPassword)}@${host}:${port}/${name}`;
}
