/** `npm run last-release -- vX.Y.Z`: builds a release and records it as the one that the tests compare with. */
import {
  buildCommit,
  findMissingHistory,
  nameOf,
  readLastRelease,
  readSettings,
  toCommit,
  writeLastRelease,
} from './last-release.ts';

const [name, ...rest] = process.argv.slice(2);
if (name === undefined || name.startsWith('-') || rest.length > 0) {
  const { tag, commit } = readLastRelease();
  process.stderr.write(`usage: npm run last-release -- TAG

Builds a release from its tag and records it in build/versions/last-release.json. The tests in
test/e2e/versions compare with it. Run npm run docs afterwards. A commit instead of a tag is
recorded as a state before the first release. Recorded now: ${nameOf({ tag, commit })}
`);
  process.exit(name === '--help' ? 0 : 2);
}
const missing = findMissingHistory(name);
if (missing !== undefined) {
  process.stderr.write(`${name}: ${missing}\n`);
  process.exit(1);
}
const commit = toCommit(name);
const settings = readSettings(buildCommit(commit));
writeLastRelease({ tag: /^v\d/.test(name) ? name : null, commit, settings });
const count = Object.values(settings).flat().length;
process.stdout.write(`recorded ${name} (${commit}): ${count} settings; now run: npm run docs\n`);
