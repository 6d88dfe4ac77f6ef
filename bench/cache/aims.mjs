const HIT_NS = 2_000;
const FEWER_PERCENT = 99.9;

/** Checks the measured values against the cache's aims. The first result of each section is ours. */
export function checkAims({ memory, stampede, spread, frozen, catalog }) {
  return [
    hit('peek', memory.results[0].getCpu),
    hit('getOrLoad', memory.results[0].throughCpu),
    oneLoad('in one instance', stampede.results[0].loads),
    oneLoad('over 4 instances', spread.results[0].loads),
    fastestWhileFrozen(frozen.results),
    ...fewerStatements(catalog.results),
  ];
}

function hit(call, ns) {
  return {
    aim: `a memory hit by ${call} costs at most 2 µs`,
    measured: `${(ns / 1e3).toFixed(2)} µs`,
    reached: ns <= HIT_NS,
  };
}

function oneLoad(where, loads) {
  return { aim: `1,000 callers ${where}: one load`, measured: String(loads), reached: loads === 1 };
}

function fastestWhileFrozen([ours, ...others]) {
  const best = Math.max(...others.map(({ perSecond }) => perSecond));
  return {
    aim: 'with Redis frozen, at least as many requests as the best of the others',
    measured: `${(ours.perSecond / best).toFixed(1)} x the best of the others`,
    reached: ours.perSecond >= best,
  };
}

/** With 64 callers: a single caller's queries cannot be batched, and each tenant's two entries are queried once. */
function fewerStatements([, , atFirst, , filled]) {
  return [atFirst, filled].map(({ name, fewerPercent }) => ({
    aim: `99.9 % fewer statements on the catalog (${name})`,
    measured: `${fewerPercent.toFixed(2)} %`,
    reached: fewerPercent >= FEWER_PERCENT,
  }));
}
