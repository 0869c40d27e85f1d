/**
 * Parts that the scripts which create, keep and delete objects have in common. They count in `kept`, `changed` and `failed`,
 * and `mode` is `create`, `dry-run` or `delete`.
 */

/** Defines `fail MESSAGE`, after which the script continues. */
export const countFailures = `fail() {
  printf 'error: %s\\n' "$1" >&2
  failed=$((failed + 1))
}
`;

/** Ends a script: prints the counts, and fails if anything failed. */
export const printCounts = `case $mode in
  create) echo "$changed created, $kept kept, $failed failed" ;;
  dry-run) echo "$changed would be created, $kept kept, $failed failed" ;;
  delete) echo "$changed deleted, $failed failed" ;;
esac
[ "$failed" = 0 ]
`;
