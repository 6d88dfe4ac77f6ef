export function renderApiTypes(document: {
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}): string;
