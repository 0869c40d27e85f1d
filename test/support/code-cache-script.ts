/**
 * A program for the Node of an image of the proxy: a line for each code cache in it, `accepted` or `refused`.
 * It compiles as src/shared/compile-cached.ts does.
 */
export const codeCacheScript = `
  const { readdirSync, readFileSync } = require('fs'), { Script } = require('vm');
  for (const name of readdirSync('/app').filter((name) => name.endsWith('.cache'))) {
    const cachedData = readFileSync('/app/' + name);
    const filename = '/app/' + name.replace('.cache', '');
    const source = readFileSync(filename, 'utf8');
    const { cachedDataRejected } = new Script(source, { filename, cachedData });
    console.log(name, cachedDataRejected ? 'refused' : 'accepted');
  }`;
