/**
 * A condition of each kind, which about 100 of 250,000 rows fulfil, and the index that is made for it. `instead` is how it is
 * written with a remedy that needs no marking.
 */
export function conditions() {
  return [
    { name: 'numeric', index: '(tenant_id, amount)', condition: 'amount BETWEEN 10 AND 10.01' },
    { name: 'enum', index: '(tenant_id, kind)', condition: `kind = 'rare'` },
    {
      ...{ name: 'range &&', index: 'USING gist (tenant_id, during)' },
      condition: `during && tstzrange('2026-03-02 00:00Z', '2026-03-02 01:30Z')`,
    },
    { name: 'jsonb ?', index: 'USING gin (tenant_id, tag_list)', condition: `tag_list ? 't10'` },
    {
      ...{ name: 'array @>, or jsonb ?', index: 'USING gin (tenant_id, tags)' },
      ...{ condition: `tags @> ARRAY['t10']`, instead: `tag_list ? 't10'` },
    },
    {
      ...{ name: 'jsonb @>, or a column', index: 'USING gin (tenant_id, data)' },
      ...{ condition: `data @> '{"sku": 10}'`, instead: `sku = '10'` },
    },
    {
      ...{ name: 'tsvector @@, or jsonb ?&', index: 'USING gin (tenant_id, words)' },
      ...{ condition: `words @@ to_tsquery('simple', 'word10')`, instead: `word_list ?& ARRAY['word10']` },
    },
    { name: 'lower(x) =', index: '(tenant_id, lower(email))', condition: `lower(email) = 'user10@example.com'` },
    {
      ...{ name: `LIKE 'x%', or ^@`, index: '(tenant_id, name text_pattern_ops)' },
      ...{ condition: `name LIKE 'abc%'`, instead: `name ^@ 'abc'` },
    },
    {
      ...{ name: `LIKE '%x%', or trigrams`, index: 'USING gin (tenant_id, name gin_trgm_ops)' },
      condition: `name LIKE '%abcdef%'`,
      instead: `name LIKE '%abcdef%' AND trigrams ?& ARRAY(SELECT t FROM unnest(show_trgm('abcdef')) t WHERE t !~ ' ')`,
    },
    {
      ...{ name: 'numeric, or bigint', index: '(tenant_id, cents)' },
      ...{ condition: 'amount BETWEEN 10 AND 10.01', instead: 'cents BETWEEN 1000 AND 1001' },
    },
    { name: 'timestamptz', index: '(tenant_id, at)', condition: `at BETWEEN '2026-03-02Z' AND '2026-03-02 01:40Z'` },
  ];
}

/** Indexes of what replaces a column. */
export const REPLACEMENTS = [
  '(tenant_id, sku)',
  ...['word_list', 'trigrams'].map((list) => `USING gin (tenant_id, ${list})`),
];
