import { readReferenceTables } from '../../../admin/reference-data/reference-places.js';
import type { Check, CatalogContext } from '../../diagnosis/check.js';
import { type Finding, ok, warn } from '../../diagnosis/finding.js';

const NAME = 'reference-data';

/** Checks that all sets of tables have the newest version of each published reference table, as the catalog records them. */
export const referenceData: Check<CatalogContext> = {
  name: NAME,
  run: async ({ catalog }) => {
    const query = async (text: string, values?: unknown[]) => (await catalog.query(text, values)).rows;
    const tables = await readReferenceTables({ query: query as never });
    const findings = tables.flatMap(({ table, version, behind, placesBehind }): Finding[] => {
      if (behind === 0) return [];
      const [first] = placesBehind;
      const place = first ? `${first.server}/${first.database} ${first.schema}` : '';
      const reason = first?.error ? `: ${first.error}` : '';
      const message = `${behind} sets of tables lack version ${version}, for example ${place}${reason}`;
      return [warn(NAME, message, 'wait for its operation, or retry it: `tenantry operations list`', table)];
    });
    return findings.length > 0 ? findings : [ok(NAME, `published tables are the same everywhere (${tables.length})`)];
  },
};
