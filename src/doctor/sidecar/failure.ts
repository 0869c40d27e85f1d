/** What to change: the hint, and the command alone on the next line if there is one. */
export function toFix({
  hint,
  remedy,
}: {
  readonly hint?: string | undefined;
  readonly remedy?: string | undefined;
}): string {
  if (hint === undefined)
    return remedy ?? 'The log of the proxy has the details: kubectl logs POD -c azwi-proxy.';
  if (remedy === undefined) return hint;
  return `${hint.replace(remedy, 'the command below')}\n${remedy}`;
}
