export interface ExecutableOptions {
  /** The Node binary that runs the program. */
  readonly node: string;
  /** Its flags. */
  readonly flags: readonly string[];
  /** Environment variables for the program, unless they are set. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The first lines of an executable bundle. They are read twice: `sh` executes the second line and goes no
 * further, JavaScript reads it as a string and a comment. A `#!` line alone cannot do that: the kernel
 * splits it at the first space of a path and passes at most one flag.
 */
export function renderLauncher({ node, flags, env = {} }: ExecutableOptions): string {
  const exports = Object.entries(env).map(
    ([name, value]) => `export ${name}="\${${name}-${value}}"; `,
  );
  const command = [quote(node), ...flags, '"$0"', '"$@"'].join(' ');
  return `#!/bin/sh\n':' //; ${exports.join('')}exec ${command}\n`;
}

/**
 * The first line of an executable bundle in an image without a shell. It holds one flag; the rest comes from
 * NODE_OPTIONS and the environment of the image.
 */
export function renderShebang({ node, flags: [flag, ...rest] }: ExecutableOptions): string {
  if (/\s/.test(node) || flag === undefined || rest.length > 0) {
    throw new Error(`a #! line takes a path without spaces and one flag: ${node} ${flag} ${rest}`);
  }
  return `#!${node} ${flag}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
