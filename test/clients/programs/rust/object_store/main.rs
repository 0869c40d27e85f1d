mod answer;

use answer::{answer, Refused};
use object_store::azure::{AzureCredential, MicrosoftAzureBuilder};

fn refused(error: object_store::Error) -> Refused {
    let text = format!("{error:?}");
    let name = text.split([' ', '{', '(']).next().unwrap_or_default();
    Refused { error: name.to_string(), message: error.to_string() }
}

#[tokio::main]
async fn main() {
    answer(
        |wish| {
            let builder = MicrosoftAzureBuilder::new()
                .with_account("account")
                .with_container_name("container");
            let builder = match wish.name.as_str() {
                "client_id" => builder.with_client_id(&wish.value),
                "object_id" => builder.with_config(
                    object_store::azure::AzureConfigKey::ObjectId,
                    &wish.value,
                ),
                "resource_id" => builder.with_config(
                    object_store::azure::AzureConfigKey::MsiResourceId,
                    &wish.value,
                ),
                _ => builder,
            };
            let store = builder.build().map_err(refused)?;
            Ok(store.credentials().clone())
        },
        |credentials, _resource| async move {
            let credential = credentials.get_credential().await.map_err(refused)?;
            match credential.as_ref() {
                AzureCredential::BearerToken(token) => Ok(token.clone()),
                other => panic!("not a token: {other:?}"),
            }
        },
    )
    .await;
}
