// Renders the types of the console's requests and answers from the application's OpenAPI document. A test compares the result with
// src/api/types.ts; `CONSOLE_TYPES=write` writes it.
const HEAD = `// Generated from the OpenAPI document: see console/api-types.mjs.\n`;
const REFERENCE = '#/components/schemas/';
/** Others are parts that the document's generator has named by a number. */
const NAMED = /^[A-Z]\w*$/;

/** @param {{ components: { schemas: Record<string, object> } }} document */
export function renderApiTypes(document) {
  const schemas = Object.entries(document.components.schemas).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const types = schemas
    .filter(([name]) => NAMED.test(name))
    .map(([name, schema]) => `export type ${name} = ${typeOf(schema)};\n`);
  return [HEAD, ...types, tenantLimits(document)].join('\n');
}

/** What a form of limits has as fields: a limit that the API gets is in the form once the types are written. */
function tenantLimits({ components: { schemas } }) {
  const limits = Object.entries(schemas.TenantChange.properties.limits.properties).map(
    ([name, { description = '', minimum, exclusiveMinimum, maximum }]) => ({
      name,
      description,
      minimum: exclusiveMinimum === true ? minimum + 1 : minimum, // OpenAPI 3.0
      maximum,
    }),
  );
  return `export const TENANT_LIMITS = ${JSON.stringify(limits)} as const;\n`;
}

function typeOf(schema) {
  const type = withoutNull(schema);
  return schema.nullable ? `${type} | null` : type;
}

function withoutNull(schema) {
  if (schema.$ref)
    return NAMED.test(schema.$ref.slice(REFERENCE.length)) ? schema.$ref.slice(REFERENCE.length) : 'unknown';
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const union = schema.anyOf ?? schema.oneOf;
  if (union) return [...new Set(union.map(typeOf))].join(' | ');
  if (schema.allOf) return schema.allOf.map(typeOf).join(' & ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' | ');
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return `readonly (${typeOf(schema.items ?? {})})[]`;
    case 'object':
      return objectOf(schema);
    default:
      return 'unknown';
  }
}

function objectOf({ properties = {}, required = [], additionalProperties }) {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `  readonly ${key}${required.includes(name) ? '' : '?'}: ${typeOf(schema)};`;
  });
  if (fields.length > 0) return `{\n${fields.join('\n')}\n}`;
  return `Readonly<Record<string, ${typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'unknown'}>>`;
}
