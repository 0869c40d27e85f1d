/** The output of the demo: headings, facts and quoted output of programs, each with its own look. */

const isTerminal = process.stdout.isTTY;
const bold = (text: string): string => (isTerminal ? `\x1b[1m${text}\x1b[0m` : text);
const dim = (text: string): string => (isTerminal ? `\x1b[2m${text}\x1b[0m` : text);

let chapters = 0;

export function chapter(title: string): void {
  chapters += 1;
  console.log(`\n${bold(`${chapters}. ${title}`)}`);
}

export function say(text: string): void {
  console.log(`   ${text}`);
}

/** Lines of a program, marked so that they differ from the demo's own words. */
export function quote(text: string): void {
  for (const line of text.trimEnd().split('\n')) console.log(dim('   | ') + line);
}

/** Names and values in two columns. */
export function table(rows: Readonly<Record<string, string>>): void {
  const width = Math.max(...Object.keys(rows).map((name) => name.length));
  for (const [name, value] of Object.entries(rows)) say(`  ${name.padEnd(width)}  ${value}`);
}

export function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** A token as it may be shown: enough to tell two apart, too little to use. */
export function shorten(token: string): string {
  return `${token.slice(0, 10)}…${token.slice(-4)} (${token.length} characters)`;
}
