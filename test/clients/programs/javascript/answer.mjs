/**
 * Reads `<kind> <rounds> <resource> <selector>…`, a selector being `default` or `name=value`, asks for all
 * of them at once as often as it should, and prints what came of each as one line of JSON.
 * @param create what makes a function that asks for a token, from one selector
 */
export async function answer(create) {
  const [kind, rounds, resource, ...selectors] = process.argv.slice(2);
  const askers = selectors.map((selector) => {
    const [, name, value] = /^([^=]*)=?(.*)$/.exec(selector);
    return () => create({ kind, resource, name, value });
  });
  const outcomes = await Promise.all(askers.map((start) => ask(start, Number(rounds))));
  console.log(JSON.stringify(outcomes.flat()));
  process.exit(0);
}

async function ask(start, rounds) {
  const outcomes = [];
  let getToken;
  for (let round = 0; round < rounds; round += 1) {
    try {
      getToken ??= start();
      outcomes.push({ token: await getToken() });
    } catch (error) {
      outcomes.push({ error: error.constructor.name, message: error.message });
    }
  }
  return outcomes;
}
