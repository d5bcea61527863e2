//! What the script that seals secrets asks for. The shapes are those of the API: what passes through here is terms,
//! signatures and sealed octets.

use control_plane_domain::policy::Permission;
use ids::RequestId;

use crate::api::resource::drilldowns::RECEIPT;
use crate::api::resource::secrets::{NewSecret, Sealed, SecretDocument};
use crate::console::answer::Answer;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const SEND: &[Permission] = &[Permission::SecretsSend];
const SEE: &[Permission] = &[Permission::SecretsList, Permission::SecretsSend];

pub(super) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Post,
        path: "/console/secrets",
        name: "call.secret",
        access: Access::Permitted(SEND, |visit| Box::pin(ask(visit))),
        query: &[],
        takes: Takes::Json,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/console/secrets/{secret}",
        name: "call.secret_state",
        access: Access::Permitted(SEE, |visit| Box::pin(state(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/console/secrets/{secret}/sealed",
        name: "call.seal",
        access: Access::Permitted(SEND, |visit| Box::pin(seal(visit))),
        query: &[],
        takes: Takes::Json,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/console/secrets/{secret}/receipt",
        name: "call.secret_receipt",
        access: Access::Permitted(SEE, |visit| Box::pin(receipt(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
];

async fn ask(visit: &Visit) -> Result<Answer, Trouble> {
    let input = visit.json::<NewSecret>()?.asked()?;
    let secret = visit.operations().request_secret(visit.caller(), input).await?;
    let terms = visit.operations().secret_terms(visit.caller(), &secret).await?;
    Answer::json(&SecretDocument::of(secret, terms))
}

async fn state(visit: &Visit) -> Result<Answer, Trouble> {
    let secret = visit.operations().get_secret(visit.caller(), id(visit)?).await?;
    let terms = visit.operations().secret_terms(visit.caller(), &secret).await?;
    Answer::json(&SecretDocument::of(secret, terms))
}

async fn seal(visit: &Visit) -> Result<Answer, Trouble> {
    let input = visit.json::<Sealed>()?.given()?;
    let secret = visit.operations().seal_secret(visit.caller(), id(visit)?, input).await?;
    Answer::json(&SecretDocument::of(secret, None))
}

async fn receipt(visit: &Visit) -> Result<Answer, Trouble> {
    let receipt = visit.operations().secret_receipt(visit.caller(), id(visit)?).await?;
    Ok(Answer::file(RECEIPT, "receipt.dsse.json", receipt))
}

fn id(visit: &Visit) -> Result<RequestId, Trouble> {
    visit.path("secret", "secret")
}
