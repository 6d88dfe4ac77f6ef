import { describe, expect, it } from '@jest/globals';
import { knownFaultsOf } from '../../../../src/doctor/diagnosis/known-faults.js';

const ids = (version: number): string[] => knownFaultsOf(version).map((fault) => fault.split(' ')[0] ?? '');

describe('the known faults of row-level security', () => {
  it.each([
    [150_002, ['CVE-2023-39418', 'CVE-2023-2455', 'CVE-2024-10976', 'CVE-2025-8713']],
    [150_003, ['CVE-2023-39418', 'CVE-2024-10976', 'CVE-2025-8713']],
    [150_004, ['CVE-2024-10976', 'CVE-2025-8713']],
    [150_013, ['CVE-2025-8713']],
    [150_014, []],
    [160_004, ['CVE-2024-10976', 'CVE-2025-8713']],
    [160_010, []],
    [170_000, ['CVE-2024-10976', 'CVE-2025-8713']],
    [170_005, ['CVE-2025-8713']],
    [170_006, []],
    [180_000, []],
  ])('of version %d are %j', (version, expected) => {
    expect(ids(version)).toEqual(expected);
  });
});
