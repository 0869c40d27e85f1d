import com.azure.core.credential.AccessToken;
import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.AzureCliCredentialBuilder;
import com.azure.identity.ChainedTokenCredentialBuilder;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import java.time.OffsetDateTime;
import reactor.core.publisher.Mono;

public final class Main {
    public static void main(String[] arguments) throws Exception {
        Answer.answer(arguments, (kind, resource, name, value) -> {
            TokenCredential credential = credential(kind, name, value);
            TokenRequestContext wish = new TokenRequestContext().addScopes(resource + "/.default");
            return () -> credential.getToken(wish).block().getToken();
        });
    }

    private static TokenCredential credential(String kind, String name, String value) {
        switch (kind) {
            case "default":
                return new DefaultAzureCredentialBuilder().build();
            case "after-unavailable":
                return new ChainedTokenCredentialBuilder()
                        .addLast(new AzureCliCredentialBuilder().build())
                        .addLast(managed(name, value))
                        .build();
            case "before-fallback":
                return new ChainedTokenCredentialBuilder()
                        .addLast(managed(name, value))
                        .addLast(wish -> Mono.just(
                                new AccessToken("fallback", OffsetDateTime.now().plusHours(1))))
                        .build();
            default:
                return managed(name, value);
        }
    }

    private static TokenCredential managed(String name, String value) {
        ManagedIdentityCredentialBuilder builder = new ManagedIdentityCredentialBuilder();
        switch (name) {
            case "client_id":
                return builder.clientId(value).build();
            case "object_id":
                return builder.objectId(value).build();
            case "resource_id":
                return builder.resourceId(value).build();
            default:
                return builder.build();
        }
    }
}
