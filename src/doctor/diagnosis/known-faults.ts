/** A fault of PostgreSQL by which row-level security did not hold, and the minor versions that mended it. */
interface KnownFault {
  readonly id: string;
  readonly effect: string;
  /** Major version -> the first minor version without the fault. Majors that are not listed never had it. */
  readonly fixedIn: Readonly<Record<number, number>>;
}

/** From the security page of each (https://www.postgresql.org/support/security/), for PostgreSQL 15 and newer. */
const KNOWN_FAULTS: readonly KnownFault[] = [
  // https://www.postgresql.org/docs/15/release-15-4.html: "Fix MERGE to enforce row security policies properly"
  { id: 'CVE-2023-39418', effect: 'MERGE does not apply the policies of UPDATE', fixedIn: { 15: 4 } },
  // https://www.postgresql.org/support/security/CVE-2023-2455/
  { id: 'CVE-2023-2455', effect: "inlined functions apply another role's policies", fixedIn: { 15: 3 } },
  // https://www.postgresql.org/support/security/CVE-2024-10976/
  { id: 'CVE-2024-10976', effect: "cached plans apply another role's policies", fixedIn: { 15: 9, 16: 5, 17: 1 } },
  // https://www.postgresql.org/support/security/CVE-2025-8713/
  {
    id: 'CVE-2025-8713',
    effect: "statistics of partitions show other tenants' values",
    fixedIn: { 15: 14, 16: 10, 17: 6 },
  },
];

/**
 * The faults of a server's version, such as `CVE-2023-39418 (MERGE does not apply the policies of UPDATE)`.
 *
 * @param versionNum `server_version_num`, such as 150004 for 15.4
 */
export function knownFaultsOf(versionNum: number): string[] {
  const [major, minor] = [Math.floor(versionNum / 10_000), versionNum % 10_000];
  return KNOWN_FAULTS.filter(({ fixedIn }) => minor < (fixedIn[major] ?? 0)).map(
    ({ id, effect }) => `${id} (${effect})`,
  );
}
