//! A Runner is added: a label, one command to paste at its host, and the list of those that wait to be approved. Beside
//! them, the tokens that were made and what became of each.

use askama::Template;
use clock::Timestamp;
use contract::Label;
use control_plane_domain::join_token::{JoinToken, TokenState};
use control_plane_domain::list::Page;
use control_plane_domain::policy::Permission;
use control_plane_domain::runner::{Runner, Standing};
use http::StatusCode;

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Pager, Tone};
use crate::console::pages::who::{Linked, Who};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;
use crate::join_command;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/runners/add",
        name: "runner.adding",
        access: Access::Permitted(&[Permission::TokensCreate], |visit| Box::pin(adding(visit))),
        query: &[Field::one("cursor"), Field::one("format")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/runners/add",
        name: "runner.add",
        access: Access::Permitted(&[Permission::TokensCreate], |visit| Box::pin(add(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("label")]),
    },
];

#[derive(Template)]
#[template(path = "page/runner_add.html")]
struct AddPage {
    frame: Frame,
    made: Option<Made>,
    waiting: Vec<Runner>,
    tokens: Vec<TokenRow>,
    pager: Pager,
    draft: Draft,
    /// Whether both factors were shown so short a while ago that a command can be made.
    is_fresh: bool,
}

impl AddPage {
    fn confirm_href(&self) -> Href {
        path::confirm(&path::add_runner())
    }

    fn waiting_csv(&self) -> Href {
        path::runners().with("standing", Standing::Pending).with("format", "csv")
    }
}

/// A token that was made a moment ago.
struct Made {
    label: String,
    command: String,
    expires: Timestamp,
}

struct TokenRow {
    token: JoinToken,
    by: Linked,
    runner: Option<Linked>,
    tone: Tone,
    word: &'static str,
    ended: Option<Timestamp>,
    is_open: bool,
}

impl TokenRow {
    fn new(token: JoinToken, who: &Who, now: Timestamp) -> Self {
        let (tone, word, ended) = became(&token, now);
        let runner = match &token.state {
            TokenState::Used { runner, .. } => Some(who.runner(*runner)),
            TokenState::Open | TokenState::Revoked { .. } => None,
        };
        let by = who.person(token.created_by);
        Self { by, runner, tone, word, ended, is_open: token.state == TokenState::Open && now < token.expires, token }
    }
}

/// What became of a token, and when.
fn became(token: &JoinToken, now: Timestamp) -> (Tone, &'static str, Option<Timestamp>) {
    match &token.state {
        TokenState::Open if now < token.expires => (Tone::Wait, "not used yet", None),
        TokenState::Open => (Tone::Quiet, "expired", Some(token.expires)),
        TokenState::Used { at, .. } => (Tone::Good, "used", Some(*at)),
        TokenState::Revoked { at } => (Tone::Quiet, "withdrawn", Some(*at)),
    }
}

async fn adding(visit: &Visit) -> Result<Answer, Trouble> {
    if visit.query().text("format") == Some("csv") {
        return table(visit).await;
    }
    show(visit, StatusCode::OK, None, Draft::default()).await
}

async fn show(visit: &Visit, status: StatusCode, made: Option<Made>, draft: Draft) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations(), visit.caller());
    let waiting = operations.list_runners(caller, Some(Standing::Pending), &Page::first()).await?.items;
    let tokens = operations.list_tokens(caller, &visit.query().page()?).await?;
    let pager = visit.pager(&tokens);
    let makers = tokens.items.iter().map(|token| token.created_by);
    let used = tokens.items.iter().filter_map(|token| match token.state {
        TokenState::Used { runner, .. } => Some(runner),
        TokenState::Open | TokenState::Revoked { .. } => None,
    });
    let who = Who::read(visit, makers, used).await?;
    let tokens = tokens.items.into_iter().map(|token| TokenRow::new(token, &who, visit.now())).collect();
    let frame = visit.frame(Section::Runners, "Add a Runner").crumb("Runners", path::runners()).live();
    let (frame, is_fresh) = (frame.answering(status), visit.confirmed().is_ok());
    Answer::page_with(status, &AddPage { frame, made, waiting, tokens, pager, draft, is_fresh })
}

async fn add(visit: &Visit) -> Result<Answer, Trouble> {
    let mut draft = visit.form().draft();
    let Some(label) = draft.read::<Label>("label") else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, None, draft).await;
    };
    visit.once()?;
    match visit.operations().create_token(visit.caller(), label.clone()).await {
        Ok(created) => {
            let command = join_command(visit.settings(), created.text.expose());
            let command = format!("{command} --label={}", quoted(label.as_str()));
            let made = Made { label: label.to_string(), command, expires: created.record.expires };
            show(visit, StatusCode::OK, Some(made), Draft::default()).await
        }
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::UNPROCESSABLE_ENTITY, None, draft).await
        }
    }
}

/// The text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

async fn table(visit: &Visit) -> Result<Answer, Trouble> {
    let (operations, caller, now) = (visit.operations().clone(), visit.caller().clone(), visit.now());
    csv::answer(
        visit,
        "join-tokens",
        &["Token", "Label", "Made by", "Made", "Until", "Result", "When", "Runner"],
        move |page| {
            let (operations, caller) = (operations.clone(), caller.clone());
            async move { operations.list_tokens(&caller, &page).await }
        },
        move |token: &JoinToken| {
            let (_, word, ended) = became(token, now);
            let runner = match &token.state {
                TokenState::Used { runner, .. } => Some(*runner),
                TokenState::Open | TokenState::Revoked { .. } => None,
            };
            csv::Row::new()
                .text(token.id)
                .text(&token.label)
                .text(token.created_by)
                .time(token.created)
                .time(token.expires)
                .text(word)
                .maybe_time(ended)
                .maybe(runner)
        },
    )
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::sample;
    use crate::console::sample::{HOSTILE, Sample, hostile_text};
    use crypto::Digest;
    use ids::{PersonId, TokenId};

    let now = Timestamp::from_millis(1_795_000_000_000);
    let (ada, runner) = (PersonId::from_parts(1, [1; 10]), sample::runner());
    let token = |label, number, expires, state| JoinToken {
        id: TokenId::from_parts(1, [number; 10]),
        label,
        created_by: ada,
        created: now,
        expires,
        state,
    };
    let tokens = |label: &proof::text::FreeText| {
        let used = TokenState::Used { statement: Digest::from_bytes([1; 32]), runner: runner.id, at: now };
        let states = [TokenState::Open, TokenState::Open, used, TokenState::Revoked { at: now }];
        let until = [now.plus_ms(1), now, now, now];
        let number = 0_u8..;
        let all = states.into_iter().zip(until).zip(number);
        all.map(|((state, until), number)| token(label.clone(), number, until, state)).collect::<Vec<_>>()
    };
    let page = |made: Option<Made>, waiting, tokens: Vec<JoinToken>, draft| {
        let made_now = made.is_some();
        let who = Who::sample(&[(ada, "Ada <i>Lovelace</i>")], &[(runner.id, "warehouse")]);
        AddPage {
            frame: Frame::sample(Section::Runners, "Add a Runner"),
            made,
            waiting,
            tokens: tokens.into_iter().map(|token| TokenRow::new(token, &who, now)).collect(),
            pager: Pager::default(),
            draft,
            is_fresh: made_now,
        }
    };
    let made = |label: &str| Made {
        label: label.to_owned(),
        command: format!("proctor-runner enrol --token pjt_x --label {}", quoted(label)),
        expires: now.plus_ms(600_000),
    };
    vec![
        Sample::page("add a Runner", &page(None, vec![], vec![], Draft::default())),
        Sample::page(
            "add a Runner, made",
            &page(Some(made("cellar")), vec![sample::runner()], tokens(&"cellar".parse().unwrap()), Draft::default()),
        ),
        Sample::page(
            "add a Runner, hostile",
            &page(
                Some(made(HOSTILE)),
                vec![sample::hostile()],
                tokens(&hostile_text()),
                Draft::of([("label", HOSTILE.to_owned())]),
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_word_of_the_shell() {
        assert_eq!(quoted("cellar 2"), "'cellar 2'");
        assert_eq!(quoted("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
    }
}
