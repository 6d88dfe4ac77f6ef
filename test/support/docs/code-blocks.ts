/** A fenced code block of a document. */
export interface CodeBlock {
  /** `README.md:60` */
  readonly where: string;
  /** `ts`, `sh`, …; empty for output that is shown. */
  readonly language: string;
  readonly text: string;
}

export function blocksOf(document: string, markdown: string): CodeBlock[] {
  return Array.from(
    markdown.matchAll(/^ *```(\w*)\n([^]*?)^ *```$/gm),
    ({ index, 1: language = '', 2: text = '' }) => ({
      where: `${document}:${markdown.slice(0, index).split('\n').length}`,
      language,
      text,
    }),
  );
}

/** The commands of a shell block, or those behind a prompt in output that is shown; without comments and continuations. */
export function commandsOf({ language, text }: CodeBlock): string[] {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').split('\n');
  const typed =
    language === 'sh' ? lines : lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice('$ '.length));
  return typed
    .map((line) => line.replace(/(?:^|\s+)#.*$/, '').trim())
    .filter((line) => line !== '')
    .flatMap((line) => line.split(' && '));
}

/** The words of a simple command, without the quotes around them. */
export function wordsOf(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), ([, single, double, bare]) =>
    String(single ?? double ?? bare),
  );
}

/**
 * What a block of code has in common with the file that it is taken from, whatever the layout: no white space, no
 * comments, no decorators' trailing commas; the package by its name.
 */
export function essenceOf(code: string): string {
  return code
    .replaceAll(/\/\*[^]*?\*\//g, '')
    .replaceAll(/(^|[\s;{}(),])\/\/[^\n]*/g, '$1')
    .replaceAll(/'(?:\.\.\/)+(?:src\/)?index\.js'/g, "'tenantry'")
    .replaceAll(/'(?:\.\.\/)+(?:src\/)?testing\.js'/g, "'tenantry/testing'")
    .replaceAll(/\s+/g, '')
    .replaceAll(/,([)\]}])/g, '$1');
}

/** Whether the block's parts, which `…` separates, are in the file in this order. */
export function isExcerptOf(block: string, fileEssence: string): boolean {
  let from = 0;
  for (const part of block.split('…').map((part) => essenceOf(part).replace(/[;,]$/, ''))) {
    const found = fileEssence.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return true;
}
