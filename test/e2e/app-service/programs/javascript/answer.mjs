/** Asks for what the command line names, `<resource> <selector> [value]`, and prints what came of it. */
export async function answer(getToken) {
  const [resource, name, value] = process.argv.slice(2);
  const outcome = await getToken(resource, name, value).then(
    (token) => ({ token }),
    (error) => ({ error: `${error.name}: ${error.message}` }),
  );
  console.log(JSON.stringify(outcome));
}
