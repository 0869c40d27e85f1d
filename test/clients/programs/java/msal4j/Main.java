import com.microsoft.aad.msal4j.ManagedIdentityApplication;
import com.microsoft.aad.msal4j.ManagedIdentityId;
import com.microsoft.aad.msal4j.ManagedIdentityParameters;

public final class Main {
    public static void main(String[] arguments) throws Exception {
        Answer.answer(arguments, (kind, resource, name, value) -> {
            ManagedIdentityApplication application =
                    ManagedIdentityApplication.builder(identity(name, value)).build();
            ManagedIdentityParameters wish = ManagedIdentityParameters.builder(resource).build();
            return () -> application.acquireTokenForManagedIdentity(wish).get().accessToken();
        });
    }

    private static ManagedIdentityId identity(String name, String value) {
        switch (name) {
            case "client_id":
                return ManagedIdentityId.userAssignedClientId(value);
            case "object_id":
                return ManagedIdentityId.userAssignedObjectId(value);
            case "resource_id":
                return ManagedIdentityId.userAssignedResourceId(value);
            default:
                return ManagedIdentityId.systemAssigned();
        }
    }
}
