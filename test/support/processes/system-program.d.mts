/** The path of a server program, installed first if need be. `packages`: the package that brings it. */
export function findProgram(
  program: string,
  packages: Readonly<Record<'apt-get' | 'apk' | 'dnf' | 'brew', string>>,
): Promise<string>;
