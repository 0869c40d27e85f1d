import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Reads the arguments and prints the outcomes: see programs/javascript/answer.mjs. */
final class Answer {
    interface Factory {
        Callable<String> create(String kind, String resource, String name, String value) throws Exception;
    }

    static void answer(String[] arguments, Factory factory) throws Exception {
        int rounds = Integer.parseInt(arguments[1]);
        int count = arguments.length - 3;
        ExecutorService pool = Executors.newFixedThreadPool(count);
        List<Future<List<String>>> futures = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            String[] selector = arguments[3 + index].split("=", 2);
            String value = selector.length > 1 ? selector[1] : "";
            futures.add(pool.submit(() -> ask(factory, arguments[0], rounds, arguments[2], selector[0], value)));
        }
        List<String> outcomes = new ArrayList<>();
        for (Future<List<String>> future : futures) outcomes.addAll(future.get());
        System.out.println("[" + String.join(",", outcomes) + "]");
        System.exit(0);
    }

    private static List<String> ask(
            Factory factory, String kind, int rounds, String resource, String name, String value) {
        List<String> outcomes = new ArrayList<>();
        Callable<String> getToken = null;
        for (int round = 0; round < rounds; round++) {
            try {
                if (getToken == null) getToken = factory.create(kind, resource, name, value);
                outcomes.add("{\"token\":" + quote(getToken.call()) + "}");
            } catch (Exception error) {
                Throwable shown = error.getCause() != null
                        && error instanceof java.util.concurrent.ExecutionException ? error.getCause() : error;
                outcomes.add("{\"error\":" + quote(shown.getClass().getSimpleName())
                        + ",\"message\":" + quote(messages(shown)) + "}");
            }
        }
        return outcomes;
    }

    /** As a stack trace has them, with those of the causes. */
    private static String messages(Throwable error) {
        Throwable cause = error.getCause();
        return error.getMessage() + (cause == null ? "" : "\nCaused by: " + messages(cause));
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char one : text.toCharArray()) {
            if (one == '"' || one == '\\') quoted.append('\\').append(one);
            else if (one < ' ') quoted.append(String.format("\\u%04x", (int) one));
            else quoted.append(one);
        }
        return quoted.append('"').toString();
    }

    private Answer() {}
}
