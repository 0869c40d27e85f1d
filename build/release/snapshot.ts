/**
 * The lines of a sources.list that freeze Debian's packages at an instant, for the build argument APT_SOURCES: a build
 * on a later day then installs the same ones. APT verifies their signatures, but must not mind that the lists of an old
 * snapshot have expired.
 */
export function toSnapshotSources(instant: Date): string {
  const stamp = instant.toISOString().replace(/[-:]|\.\d+/g, '');
  const archive = 'deb [check-valid-until=no] http://snapshot.debian.org/archive';
  return [
    `${archive}/debian/${stamp} bookworm main`,
    `${archive}/debian/${stamp} bookworm-updates main`,
    `${archive}/debian-security/${stamp} bookworm-security main`,
  ].join('\n');
}
