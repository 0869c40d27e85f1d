import com.microsoft.azure.credentials.MSICredentials;

public final class Main {
    public static void main(String[] arguments) throws Exception {
        Answer.answer(arguments, (kind, resource, name, value) -> {
            MSICredentials credentials = credentials(name, value);
            return () -> credentials.getToken(resource);
        });
    }

    private static MSICredentials credentials(String name, String value) {
        MSICredentials credentials = new MSICredentials();
        switch (name) {
            case "client_id":
                return credentials.withClientId(value);
            case "object_id":
                return credentials.withObjectId(value);
            case "resource_id":
                return credentials.withIdentityId(value);
            default:
                return credentials;
        }
    }
}
