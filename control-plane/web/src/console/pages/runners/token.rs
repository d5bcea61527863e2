//! A join token is withdrawn before anybody used it.

use control_plane_domain::join_token::{JoinToken, TokenState};
use control_plane_domain::policy::Permission;
use http::StatusCode;
use ids::TokenId;

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::pages::sure::Sure;
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const REVOKE: &[Permission] = &[Permission::TokensRevoke];

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/runners/tokens/{token}/revoke",
        name: "token.revoking",
        access: Access::Permitted(REVOKE, |visit| Box::pin(revoking(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/runners/tokens/{token}/revoke",
        name: "token.revoke",
        access: Access::Permitted(REVOKE, |visit| Box::pin(revoke(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("confirm")]),
    },
];

async fn found(visit: &Visit) -> Result<JoinToken, Trouble> {
    let token: TokenId = visit.path("token", "token")?;
    Ok(visit.operations().get_token(visit.caller(), token).await?)
}

fn frame(visit: &Visit) -> Frame {
    visit
        .frame(Section::Runners, "Withdraw a token")
        .crumb("Runners", path::runners())
        .crumb("Add a Runner", path::add_runner())
}

fn sure_of(frame: &Frame, token: &JoinToken) -> Sure {
    let gone = match &token.state {
        TokenState::Open => "",
        TokenState::Used { .. } => {
            " It was used already: what it let in is a Runner, and that is revoked on its own page."
        }
        TokenState::Revoked { .. } => " It was withdrawn already.",
    };
    Sure {
        heading: format!("Withdraw the token for “{}”", token.label),
        says: vec![format!("The command that carries it lets nobody in any more.{gone}")],
        facts: vec![("Made", frame.time(token.created)), ("Until", frame.time(token.expires))],
        what: "label",
        name: token.label.to_string(),
        wants_reason: false,
        hidden: &[],
        action: path::token_revoke(token.id),
        button: "Withdraw the token",
        is_danger: true,
        back: path::add_runner().at("add-tokens"),
        back_says: "Leave it",
    }
}

async fn revoking(visit: &Visit) -> Result<Answer, Trouble> {
    let token = found(visit).await?;
    let frame = frame(visit);
    sure_of(&frame, &token).ask(frame)
}

async fn revoke(visit: &Visit) -> Result<Answer, Trouble> {
    let token = found(visit).await?;
    let frame = frame(visit);
    let sure = sure_of(&frame, &token);
    let mut draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(frame, StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    match visit.operations().revoke_token(visit.caller(), token.id).await {
        Ok(()) => Ok(Answer::go(path::add_runner()).saying("The token was withdrawn.")),
        Err(error) => {
            draft.refuse(error)?;
            sure.again(frame, StatusCode::CONFLICT, draft)
        }
    }
}
