// Reads the arguments and prints the outcomes: see programs/javascript/answer.mjs.
use futures::future::join_all;
use serde_json::{json, Value};
use std::future::Future;

pub struct Wish {
    pub kind: String,
    pub resource: String,
    pub name: String,
    pub value: String,
}

/// `error` is the name of the library's error, `message` what it says.
pub struct Refused {
    pub error: String,
    pub message: String,
}

pub async fn answer<C, F, G, T>(create: F, get_token: G)
where
    F: Fn(&Wish) -> Result<C, Refused>,
    G: Fn(C, String) -> T,
    C: Clone,
    T: Future<Output = Result<String, Refused>>,
{
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds: usize = arguments[1].parse().expect("rounds is a number");
    let asked = arguments[3..].iter().map(|selector| {
        let (name, value) = selector.split_once('=').unwrap_or((selector, ""));
        let wish = Wish {
            kind: arguments[0].clone(),
            resource: arguments[2].clone(),
            name: name.to_string(),
            value: value.to_string(),
        };
        let (create, get_token) = (&create, &get_token);
        async move {
            let mut outcomes: Vec<Value> = Vec::new();
            let credential = create(&wish);
            for _ in 0..rounds {
                let result = match &credential {
                    Ok(credential) => get_token(credential.clone(), wish.resource.clone()).await,
                    Err(refused) => Err(Refused {
                        error: refused.error.clone(),
                        message: refused.message.clone(),
                    }),
                };
                outcomes.push(match result {
                    Ok(token) => json!({ "token": token }),
                    Err(Refused { error, message }) => json!({ "error": error, "message": message }),
                });
            }
            outcomes
        }
    });
    let outcomes: Vec<Value> = join_all(asked).await.into_iter().flatten().collect();
    println!("{}", Value::Array(outcomes));
}
