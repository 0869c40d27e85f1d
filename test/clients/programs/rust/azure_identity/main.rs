mod answer;

use answer::{answer, Refused};
use azure_core::credentials::TokenCredential;
use azure_identity::{
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use std::sync::Arc;

fn refused(error: azure_core::Error) -> Refused {
    Refused { error: format!("{:?}", error.kind()), message: error.to_string() }
}

#[tokio::main]
async fn main() {
    answer(
        |wish| -> Result<Arc<dyn TokenCredential>, Refused> {
            let value = wish.value.clone();
            let id = match wish.name.as_str() {
                "client_id" => Some(UserAssignedId::ClientId(value)),
                "object_id" => Some(UserAssignedId::ObjectId(value)),
                "resource_id" => Some(UserAssignedId::ResourceId(value)),
                _ => None,
            };
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: id,
                ..Default::default()
            };
            let credential = ManagedIdentityCredential::new(Some(options)).map_err(refused)?;
            Ok(credential)
        },
        |credential, resource| async move {
            let scope = format!("{resource}/.default");
            let token = credential.get_token(&[&scope], None).await.map_err(refused)?;
            Ok(token.token.secret().to_string())
        },
    )
    .await;
}
