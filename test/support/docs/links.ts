const CODE = /^ *```[^]*?^ *```$/gm;

/** The relative links of a document, as they are written there. */
export function linksOf(markdown: string): string[] {
  const links = Array.from(markdown.replaceAll(CODE, '').matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
  return links.filter((link) => !/^[a-z]+:/i.test(link));
}

/** The anchors that GitHub gives to a document's headings. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of markdown.replaceAll(CODE, '').matchAll(/^#+ +(.+)$/gm)) {
    const anchor = anchorOf(heading);
    let name = anchor;
    for (let count = 1; anchors.has(name); count += 1) name = `${anchor}-${count}`;
    anchors.add(name);
  }
  return anchors;
}

/** Lower case, without markup and punctuation, with hyphens for spaces. */
function anchorOf(heading: string): string {
  const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, '').replaceAll(' ', '-');
}
