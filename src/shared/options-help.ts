import type { Option, OptionTable } from './option-table.ts';

/** The options that help and documentation list: all that are not retired. */
export function listOptions(table: OptionTable): readonly Option[] {
  return Object.values(table).filter(({ retired }) => retired === undefined);
}

/** The options of a table as text for a terminal, by group, in the order of the table. */
export function formatOptions(table: OptionTable): string {
  const groups = new Map<string, string[]>();
  for (const option of listOptions(table)) {
    const lines = groups.get(option.group) ?? [];
    lines.push(formatOption(option));
    groups.set(option.group, lines);
  }
  return [...groups].map(([group, lines]) => `${group}:\n${lines.join('\n')}`).join('\n\n');
}

/** The flags of a table, without their help. */
export function formatFlags(table: OptionTable): string {
  const flags = listOptions(table).map(formatFlag);
  return wrap(
    flags.filter((flag) => flag !== undefined),
    '  ',
  );
}

const indent = '        ';
const width = 96;

function formatOption(option: Option): string {
  const names = [formatFlag(option), option.env, option.envAlias].filter(
    (name) => name !== undefined,
  );
  return `  ${names.join(', ')}${formatPresence(option)}\n${wrap(option.help.split(' '), indent)}`;
}

function formatFlag({ flag, type }: Option): string | undefined {
  if (flag === undefined) return undefined;
  return type.standsAlone === true ? `--${flag}` : `--${flag} <${type.label}>`;
}

function formatPresence(option: Option): string {
  if (option.required !== undefined) return ' (required)';
  // Everybody expects a switch to be off.
  if (!option.default || (option.type.standsAlone === true && option.default === 'false'))
    return '';
  return ` (default ${option.default})`;
}

function wrap(words: readonly string[], margin: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && margin.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${margin}${each}`).join('\n');
}
