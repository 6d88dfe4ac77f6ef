/** What an instance has of a server's connections, and could use. Counts of connections. */
export interface Holder {
  readonly instanceId: string;
  /** The most it may have open. */
  readonly share: number;
  /** Those in use, waited for, or kept free for work that is not tenants'. */
  readonly need: number;
  /** Without so many it can do nothing useful. */
  readonly least: number;
}

export interface Division {
  /** What the asking instance may have open from now on: never less than it holds. */
  readonly share: number;
  /** What it should come down to, closing connections, because others lack them; its share otherwise. */
  readonly target: number;
}

/**
 * How many of a server's connections one of its instances may have. Free connections go to the first instance that asks, up to its
 * need. Where that is not enough, instances that hold more than they need, or more than a fair part, give the rest back.
 *
 * Shares never add up to more than the limit unless they did already: an instance's own share grows by what is free alone, and
 * shrinks when it says that it holds less.
 *
 * @param holders every instance with a share or a need, the asking one included
 * @throws RangeError when the asking one is not among them
 */
export function divide(limit: number, holders: readonly Holder[], instanceId: string): Division {
  const own = holders.find((holder) => holder.instanceId === instanceId);
  if (!own) throw new RangeError(`${instanceId} is not among the instances`);
  const parts = fairParts(limit, holders);
  const partOf = (holder: Holder): number => parts.get(holder.instanceId) ?? 0;
  const free = limit - holders.reduce((sum, { share }) => sum + share, 0);
  const part = partOf(own);
  if (part > own.share) {
    const share = Math.min(part, own.share + Math.max(0, free));
    return { share, target: share };
  }
  const lacking = holders.reduce((sum, holder) => sum + Math.max(0, partOf(holder) - holder.share), 0) - free;
  if (lacking <= 0) return { share: own.share, target: own.share };
  const surpluses = holders.reduce((sum, holder) => sum + Math.max(0, holder.share - partOf(holder)), 0);
  const surplus = own.share - part;
  const returned = surplus === 0 ? 0 : Math.min(surplus, Math.ceil((lacking * surplus) / surpluses));
  return { share: own.share, target: own.share - returned };
}

/**
 * What each instance may expect: its need where there is enough for all, else as much as any other that needs it. Where there is not
 * enough for what each needs at least, those that have it keep it, and one that starts gets nothing.
 */
function fairParts(limit: number, holders: readonly Holder[]): ReadonlyMap<string, number> {
  const wanting = fitting(limit, holders)
    .map(({ instanceId, need, least }) => ({ instanceId, least, wanted: Math.max(need, least) }))
    .toSorted((a, b) => a.wanted - b.wanted || (a.instanceId < b.instanceId ? -1 : 1));
  const parts = new Map<string, number>();
  let left = limit;
  for (const [index, { instanceId, least, wanted }] of wanting.entries()) {
    const others = wanting.slice(index + 1).reduce((sum, each) => sum + each.least, 0);
    const fair = Math.max(least, Math.floor(left / (wanting.length - index)));
    const part = Math.min(wanted, fair, left - others);
    parts.set(instanceId, part);
    left -= part;
  }
  return parts;
}

function fitting(limit: number, holders: readonly Holder[]): readonly Holder[] {
  let left = limit;
  const hasLeast = ({ share, least }: Holder): number => (share >= least ? 0 : 1);
  return holders
    .toSorted((a, b) => hasLeast(a) - hasLeast(b) || (a.instanceId < b.instanceId ? -1 : 1))
    .filter(({ least }) => {
      const fits = least <= left;
      if (fits) left -= least;
      return fits;
    });
}
