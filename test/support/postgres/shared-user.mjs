// A process that uses the shared PostgreSQL of a project until it is killed: node shared-user.mjs <project> <linger>
const { joinSharedPostgres } = await import(
  new URL('../../../dist/dev/embedded-postgres/shared-postgres.js', import.meta.url).href
);
const [, , project, lingerSeconds] = process.argv;
const { url } = await joinSharedPostgres({ project, lingerSeconds: Number(lingerSeconds) });
console.log(url);
setInterval(() => {}, 60_000);
