const WIDTH = 100;

/** A value as an expression, on one line where it fits. */
export function literal(value: unknown, indentation: string): string {
  if (typeof value === 'string') return text(value);
  const inner = `${indentation}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((element) => literal(element, inner))
    : Object.entries(value as object).map(([name, element]) => `${key(name)}: ${literal(element, inner)}`);
  const [open, close, gap] = isList ? ['[', ']', ''] : ['{', '}', ' '];
  const line = `${open}${gap}${parts.join(', ')}${gap}${close}`;
  if (line.length <= WIDTH - indentation.length && !line.includes('\n')) return line;
  return `${open}\n${parts.map((part) => `${inner}${part},\n`).join('')}${indentation}${close}`;
}

function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : text(name);
}

/** A string literal, with the quotes that need no escape, where there are such. */
export function text(value: string): string {
  if (/[\n\\]/.test(value) || (value.includes("'") && value.includes('"'))) {
    return `\`${value.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')}\``;
  }
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
