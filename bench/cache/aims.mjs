const HIT_NS = 2_000;
const FEWER_PERCENT = 99.9;

/** What the cache was built to, held against what was measured. The first result of each section is ours. */
export function judge({ memory, stampede, spread, frozen, catalog }) {
  return [
    hit('peek', memory.results[0].getCpu),
    hit('getOrLoad', memory.results[0].throughCpu),
    one('in one instance', stampede.results[0].loads),
    one('over 4 instances', spread.results[0].loads),
    undisturbed(frozen.results),
    ...fewer(catalog.results),
  ];
}

function hit(call, ns) {
  return {
    aim: `a memory hit by ${call} costs at most 2 µs`,
    measured: `${(ns / 1e3).toFixed(2)} µs`,
    reached: ns <= HIT_NS,
  };
}

function one(where, loads) {
  return { aim: `1,000 callers ${where}: one load`, measured: String(loads), reached: loads === 1 };
}

function undisturbed([ours, ...others]) {
  const best = Math.max(...others.map(({ perSecond }) => perSecond));
  return {
    aim: 'a frozen Redis costs us no more requests than anybody else',
    measured: `${(ours.perSecond / best).toFixed(1)} x the best of the others`,
    reached: ours.perSecond >= best,
  };
}

/** Of 64 callers: one after another they cannot ask together, and each tenant's two questions are asked once. */
function fewer([, , atFirst, , filled]) {
  return [atFirst, filled].map(({ name, fewerPercent }) => ({
    aim: `99.9 % fewer statements on the catalog (${name})`,
    measured: `${fewerPercent.toFixed(2)} %`,
    reached: fewerPercent >= FEWER_PERCENT,
  }));
}
