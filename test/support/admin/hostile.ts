/** Texts that cannot be a name: neither a slug, nor the name of a server, nor an id. */
export const NO_NAMES: readonly string[] = [
  ...["'; DROP TABLE tenants; --", '"acme"', "acme' OR '1'='1", '$1', '%', '_', '*', 'acme,umbrella'],
  ...['аcme', '\u202eacme', 'acme\u200b', 'ａｃｍｅ', 'ácme', 'acme\u0301', '😀'], // look-alikes, marks, wide letters
  ...['../../health', '..', './acme', 'acme/../umbrella', 'acme\\', 'file:///etc/passwd'],
  ...['acme\0', '\0', 'acme\n', 'acme\r\nx: y', '\tacme', ' acme', 'acme '],
  ...['ACME', 'acme.', '-acme', 'acme-', '1acme', '__proto__', '[object Object]', '{}', '[]', '{{7*7}}', '${7*7}'],
  ...['NaN', '-1', '0', '5', '1e3', '0x10', 'a'.repeat(64), 'a'.repeat(100)],
  'a0b5f6c1-6f0a-4c39-9d0e-2a4f8a1c7d11', // a DNS label, but it would be taken for an id
];

/** Valid names of things that do not exist. */
export const UNKNOWN_NAMES: readonly string[] = [
  ...['www', 'admin', 'select', 'constructor', 'null', 'undefined', 'a'.repeat(63)],
  ...['0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11', '0123456789abcdef'],
];

/** Parts of a path, sent unescaped: they cannot be decoded, or decode to something else. */
export const RAW_PATH_PARTS: readonly string[] = [
  ...['%', '%f', '%ff', '%c0%ae%c0%ae', '%ed%a0%80', '%00', '%2e%2e%2f', '..%2f..%2fhealth', '%u0061', ';', '@', '~'],
  ...['a'.repeat(101), 'a'.repeat(5_000), 'a'.repeat(20_000)],
];

/** Values that no field of any request accepts. */
export const WRONG_VALUES: readonly unknown[] = [
  ...[null, true, -1, 1.5, 1e21, [], [[]], ['acme'], [null], {}, { a: 1 }, { $ne: null }, { toString: 'x' }],
  ...['x'.repeat(1_000_000), 'a\0b', '', ' '],
];

/** Bodies that no route accepts, as they are sent. */
export const WRONG_BODIES: readonly string[] = [
  ...['', ' ', '{', '{"a":', 'acme', 'NaN', '{"a":NaN}', "{'a':1}", '{"a":1}}', '\u{feff}{', '\0'],
  ...['"x"', '[]', '[{}]', 'null', '1', 'true', '{"unknown":1}', '{"":1}', '{"tenant_id":"x","version":1}'],
  ...[
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"prototype":{"x":1},"y":1}',
  ],
  ...[`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ...[`{"a":"${'x'.repeat(1_100_000)}"}`, `{${Array.from({ length: 50_000 }, (_, n) => `"f${n}":1`).join(',')}}`],
];
