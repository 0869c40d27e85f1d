import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.ManagedIdentityCredentialBuilder;

public final class Main {
    public static void main(String[] arguments) {
        String outcome;
        try {
            ManagedIdentityCredentialBuilder builder = new ManagedIdentityCredentialBuilder();
            if (arguments[1].equals("client_id")) builder.clientId(arguments[2]);
            if (arguments[1].equals("resource_id")) builder.resourceId(arguments[2]);
            TokenRequestContext context = new TokenRequestContext().addScopes(arguments[0] + "/.default");
            outcome = toJson("token", builder.build().getTokenSync(context).getToken());
        } catch (RuntimeException error) {
            StringBuilder causes = new StringBuilder();
            for (Throwable cause = error; cause != null; cause = cause.getCause()) causes.append(cause).append(' ');
            outcome = toJson("error", causes.toString());
        }
        System.out.println(outcome);
        System.exit(0);
    }

    private static String toJson(String name, String value) {
        String escaped = value.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ");
        return "{\"" + name + "\":\"" + escaped + "\"}";
    }
}
