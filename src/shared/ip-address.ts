const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The version of an IP address in text; undefined if it is not one. Without zones (`%eth0`).
 *
 * It does what `isIP` of node:net does, without its regular expression for IPv6, which takes a tenth of a
 * bare server's start to compile (`address-pattern.ts`).
 */
export function toIpVersion(text: string): 4 | 6 | undefined {
  if (ipv4.test(text)) return 4;
  return /^[\da-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]`) ? 6 : undefined;
}
