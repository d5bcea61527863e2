//! The way out.

use crate::console::answer::Answer;
use crate::console::path;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::{Guest, Visit};
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Post,
        path: "/sign-out",
        name: "sign-out",
        access: Access::Full(|visit| Box::pin(sign_out(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/second-factor/sign-out",
        name: "sign-out.half",
        access: Access::Half(|guest| Box::pin(give_up(guest))),
        query: &[],
        takes: Takes::Nothing,
    },
];

async fn sign_out(visit: &Visit) -> Result<Answer, Trouble> {
    visit.operations().sign_out(visit.session()).await?;
    Ok(Answer::go(path::sign_in()).signed_out().saying("You are signed out."))
}

/// Somebody who has shown a password goes back.
async fn give_up(guest: &Guest) -> Result<Answer, Trouble> {
    guest.operations().sign_out(guest.session()).await?;
    Ok(Answer::go(path::sign_in()).signed_out())
}
