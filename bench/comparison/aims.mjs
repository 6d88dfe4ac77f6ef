/** Checks the promised figures, as far as the sections measure them. */
export function checkAims(sections) {
  return [
    atLeast(sections, { work: 'read', than: 'single tenant', times: 1.2 }),
    atLeast(sections, { work: 'mix', than: 'single tenant', times: 0.95 }),
    atLeast(sections, { isolation: 'database', tenants: 100, work: 'read', than: 'Map of DataSources', times: 2 }),
    atLeast(sections, { work: 'read', than: 'connection per request', times: 10 }),
    hostNameCost(sections),
    maxConnections(sections),
  ].filter((aim) => aim !== undefined);
}

function atLeast(sections, { isolation = 'row', tenants = 1_000, work, than, times }) {
  const results = sections
    .filter((section) => matches(section, { isolation, tenants }))
    .flatMap(({ groups }) => groups.filter((group) => group.work === work))
    .flatMap((group) => group.results);
  const peer = results.find(({ name }) => name === than);
  if (!peer) return undefined;
  const ratio = peer.ratio.ofMedians;
  return {
    aim: `${work}, ${tenants} ${isolation} tenants, 64 callers: at least ${times} x ${than}`,
    measured: `${ratio.toFixed(2)} x`,
    reached: peer.isValid && ratio >= times,
  };
}

/** A host name that belongs to no tenant should cost a request next to nothing. */
function hostNameCost(sections) {
  const results = sections
    .flatMap(({ groups }) => groups.filter(({ work }) => work === 'tenant'))
    .flatMap((group) => group.results);
  const byAddress = results.find(({ name }) => name === 'called by address');
  if (!byAddress) return undefined;
  const times = results[0].appCpuMs / byAddress.appCpuMs;
  return {
    aim: 'CPU per request to api.example.com: at most 1.05 of one to an address',
    measured: `${times.toFixed(2)} x`,
    reached: byAddress.isValid && results[0].isValid && times <= 1.05,
  };
}

function matches(section, { isolation, tenants }) {
  const { choice, callers } = section;
  return section.isolation === isolation && section.tenants === tenants && choice === 'uniform' && callers === 64;
}

function maxConnections(sections) {
  const rows = sections.filter(({ isolation, tenants }) => isolation === 'row' && tenants === 10_000);
  const counts = rows.flatMap(({ groups }) => groups.map(({ results: [ours] }) => ours.connections));
  if (counts.length === 0) return undefined;
  const measured = Math.max(...counts);
  return { aim: 'connections for 10,000 row tenants: at most 15', measured: String(measured), reached: measured <= 15 };
}
