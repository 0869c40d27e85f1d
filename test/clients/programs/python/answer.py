"""What the Python programs share: see programs/javascript/answer.mjs."""
import json
import sys
from concurrent.futures import ThreadPoolExecutor


def read_arguments():
    kind, rounds, resource, *selectors = sys.argv[1:]
    parts = [selector.partition("=") for selector in selectors]
    return kind, int(rounds), resource, [(name, value) for name, _, value in parts]


def failure(error):
    # An exception of .NET has a trace in its text.
    return {"error": type(error).__name__, "message": str(getattr(error, "Message", error))}


def answer(create):
    kind, rounds, resource, selectors = read_arguments()

    def ask(selector):
        outcomes, get_token = [], None
        for _ in range(rounds):
            try:
                get_token = get_token or create(kind, resource, *selector)
                outcomes.append({"token": get_token()})
            except Exception as error:  # pylint: disable=broad-except
                outcomes.append(failure(error))
        return outcomes

    with ThreadPoolExecutor(max_workers=len(selectors)) as pool:
        results = list(pool.map(ask, selectors))
    print(json.dumps([outcome for result in results for outcome in result]))
