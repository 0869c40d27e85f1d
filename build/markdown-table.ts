/** A table in Markdown. Cells may hold bars; line breaks would end them. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A text as code; nothing for nothing. */
export function code(text: string | undefined): string {
  return text === undefined ? '' : `\`${text}\``;
}
