import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Stage {
  /** Stands for the image's `/app`. */
  readonly app: string;
  readonly env: Record<string, string>;
}

/**
 * The Dockerfile's own instructions, carried out without a Docker engine: a folder for each stage, its `RUN` lines by a
 * shell in that folder. Knows the instructions that ours has, and refuses others.
 */
export class ReplayedImage {
  user = '';
  healthcheck: readonly string[] = [];
  entrypoint: readonly string[] = [];
  private readonly stages = new Map<string, Stage>();
  private current: Stage = { app: '', env: {} };

  private constructor(
    private readonly context: string,
    private readonly folder: string,
    /** What `.dockerignore` lets in. */
    private readonly allowed: ReadonlySet<string>,
  ) {}

  /** @param context the checkout; @param folder an empty one for the result */
  static async build(context: string, folder: string): Promise<ReplayedImage> {
    const [ignored, instructions] = await Promise.all(
      ['.dockerignore', 'Dockerfile'].map(async (file) => (await readFile(join(context, file), 'utf8')).split('\n')),
    );
    const allowed = (ignored ?? []).filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const image = new ReplayedImage(context, folder, new Set(allowed));
    for (const line of joined(instructions ?? [])) await image.follow(line);
    return image;
  }

  /** Of the last stage. */
  get app(): string {
    return this.current.app;
  }

  get env(): Readonly<Record<string, string>> {
    return this.current.env;
  }

  private async follow(line: string): Promise<void> {
    const [, instruction = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    switch (instruction) {
      case 'FROM':
        return this.begin(rest.split(' AS ')[1] ?? '');
      case 'COPY':
        return this.copy(rest.split(/\s+/));
      case 'RUN':
        return this.run(rest.replace(/^--mount=\S+\s+/, ''));
      case 'ENV':
        this.current.env[rest.split('=')[0] ?? ''] = rest.split('=')[1] ?? '';
        return;
      case 'USER':
        this.user = rest;
        return;
      case 'HEALTHCHECK':
        this.healthcheck = JSON.parse(rest.slice(rest.indexOf('[')));
        return;
      case 'ENTRYPOINT':
        this.entrypoint = JSON.parse(rest);
        return;
      case 'WORKDIR':
        if (rest === '/app') return;
        break;
      case 'ARG':
      case 'LABEL':
      case 'EXPOSE':
        return;
    }
    throw new Error(`cannot replay: ${line}`);
  }

  private async begin(name: string): Promise<void> {
    this.current = { app: join(this.folder, name, 'app'), env: {} };
    this.stages.set(name, this.current);
    await mkdir(this.current.app, { recursive: true });
  }

  private async copy(words: readonly string[]): Promise<void> {
    const from = words[0]?.startsWith('--from=') ? words[0].slice('--from='.length) : undefined;
    const paths = from === undefined ? words : words.slice(1);
    for (const source of paths.slice(0, -1)) {
      await cp(this.sourceOf(source, from), join(this.current.app, basename(source)), { recursive: true });
    }
  }

  private sourceOf(path: string, from: string | undefined): string {
    const stage = from === undefined ? undefined : this.stages.get(from);
    if (stage) return path.replace(/^\/app/, () => stage.app);
    if (!this.allowed.has(path)) throw new Error(`.dockerignore keeps ${path} out`);
    return join(this.context, path);
  }

  private async run(command: string): Promise<void> {
    const { PATH, HOME } = process.env;
    const { stdout, stderr } = await run('/bin/sh', ['-ec', command], {
      cwd: this.current.app,
      env: { PATH, HOME, ...this.current.env },
      maxBuffer: 16 * 1024 * 1024,
    });
    await writeFile(join(this.current.app, '..', 'run.log'), `${command}\n${stdout}${stderr}`, { flag: 'a' });
  }
}

/** One line for each instruction. */
function joined(lines: readonly string[]): string[] {
  const text = lines.filter((line) => !line.startsWith('#')).join('\n');
  return text
    .replace(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
}
