// Memory and time per tenant data source on a shared target, compared with one plain TypeORM DataSource per tenant.
// Run it with `npm run bench:data-source`. Requires --expose-gc.
import { plainDataSources, tenantDataSources } from './contestants.mjs';
import { measure, medians } from './measure.mjs';
import { startServer } from './server.mjs';

const ENTITY_COUNTS = [1, 30, 100];
const ROUNDS = 5;
const OURS = 2000;
const PLAIN = 20;
/** Maximum cost of a tenant's data source, independent of the number of entities. */
const AIM = { kb: 4, ms: 0.3 };

const server = await startServer();
try {
  const results = [];
  for (const entityCount of ENTITY_COUNTS) results.push({ entityCount, ...(await compare(entityCount)) });
  print(results);
} finally {
  await server.stop();
}

async function compare(entityCount) {
  const ours = await tenantDataSources(server, entityCount);
  const plain = await plainDataSources(server, entityCount);
  await measure(ours, 100); // first use compiles code and fills caches, which is not part of a data source's cost
  await measure(plain, 3);
  const samples = { ours: [], plain: [] };
  for (let round = 0; round < ROUNDS; round++) {
    samples.ours.push(await measure(ours, OURS));
    samples.plain.push(await measure(plain, PLAIN));
  }
  await ours.close();
  return { ours: medians(samples.ours), plain: medians(samples.plain) };
}

function print(results) {
  console.log(`Per data source: heap in KB, time to create it in ms. Medians of ${ROUNDS} interleaved rounds,`);
  console.log(`${OURS} of ours and ${PLAIN} plain ones (poolSize 1) alive at once. Node ${process.version}.\n`);
  console.log(row(['entities', 'ours KB', 'used KB', 'plain KB', 'ratio', 'ours ms', 'plain ms', 'ratio', 'aim met']));
  for (const { entityCount, ours, plain } of results) {
    const within = ours.usedKb <= AIM.kb && ours.createMs <= AIM.ms;
    const memory = [
      ours.madeKb.toFixed(2),
      ours.usedKb.toFixed(2),
      plain.usedKb.toFixed(0),
      times(plain.usedKb / ours.usedKb),
    ];
    const time = [ours.createMs.toFixed(3), plain.createMs.toFixed(1), times(plain.createMs / ours.createMs)];
    console.log(row([entityCount, ...memory, ...time, within ? 'yes' : 'NO']));
    if (!within) process.exitCode = 1;
  }
  console.log(
    `\n"used" is after a first statement. The aim is ${AIM.kb} KB and ${AIM.ms} ms, whatever the number of entities.`,
  );
}

function row(cells) {
  return cells.map((cell) => String(cell).padStart(9)).join(' ');
}

function times(ratio) {
  return `${ratio.toFixed(0)} x`;
}
