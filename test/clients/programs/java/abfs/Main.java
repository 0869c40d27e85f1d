import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.azurebfs.AbfsConfiguration;
import org.apache.hadoop.fs.azurebfs.oauth2.AccessTokenProvider;
import org.apache.hadoop.fs.azurebfs.oauth2.AzureADAuthenticator;

public final class Main {
    public static void main(String[] arguments) throws Exception {
        Answer.answer(arguments, (kind, resource, name, value) -> {
            AbfsConfiguration configuration = new AbfsConfiguration(toCoreSite(name, value), "lab.dfs.core.windows.net");
            AzureADAuthenticator.init(configuration);
            AccessTokenProvider provider = configuration.getTokenProvider();
            return () -> provider.getToken().getAccessToken();
        });
    }

    /** What a core-site.xml says for managed identity. */
    private static Configuration toCoreSite(String name, String value) {
        Configuration site = new Configuration();
        site.set("fs.azure.account.auth.type", "OAuth");
        site.set("fs.azure.account.oauth.provider.type", "org.apache.hadoop.fs.azurebfs.oauth2.MsiTokenProvider");
        if (name.equals("client_id")) site.set("fs.azure.account.oauth2.client.id", value);
        return site;
    }
}
