/**
 * `npm run prose` lists the habits that are left, `npm run prose -- FILE …` those of some files, and
 * `npm run prose -- --update` records the counts, which must not go up.
 */
import { writeFileSync } from 'node:fs';
import { countsFile, findExcess, findInProject, listFiles, readCounts } from './files.ts';

const args = process.argv.slice(2);
const found = findInProject();
if (args.includes('--update')) {
  const excess = findExcess(found, readCounts(), listFiles());
  const counts = Object.fromEntries([...found].map(([file, { length }]) => [file, length]));
  if (excess.length > 0) {
    console.error(`prose: these files have more habits than recorded: ${excess.join(', ')}`);
    process.exitCode = 1;
  } else {
    writeFileSync(countsFile, `${JSON.stringify(counts, undefined, 2)}\n`);
  }
} else {
  let total = 0;
  for (const [file, findings] of found) {
    if (args.length > 0 && !args.some((arg) => file.startsWith(arg))) continue;
    total += findings.length;
    for (const { line, text, instead } of findings) {
      console.log(`${file}:${line}: "${text}"; better: ${instead}`);
    }
  }
  console.log(`${total} in all`);
}
