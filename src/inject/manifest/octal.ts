/**
 * Kubernetes reads YAML 1.1, in which `0644` is octal; YAML 1.2, which our parsers read, takes it for 644.
 */
export const octalPattern = /^[-+]?0[0-7]+$/;

export function parseOctal(source: string): number {
  return Number.parseInt(source, 8);
}
