//! A key is made, for oneself.

use askama::Template;
use clock::Timestamp;
use control_plane_domain::policy::{Permission, Scopes};
use control_plane_operations::CreateApiKey;
use http::StatusCode;
use proof::text::FreeText;

use super::scope::{self, Group};
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How long a key can last, in days.
const DAYS: &[(u16, &str)] = &[(1, "a day"), (7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year")];

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/account/keys/new",
        name: "key.making",
        access: Access::Permitted(&[Permission::ApiKeysCreate], |visit| Box::pin(making(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/account/keys/new",
        name: "key.make",
        access: Access::Permitted(&[Permission::ApiKeysCreate], |visit| Box::pin(make(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("label"), Field::one("days"), Field::many("scope")]),
    },
];

#[derive(Template)]
#[template(path = "page/key_new.html")]
struct NewPage {
    frame: Frame,
    groups: Vec<Group>,
    draft: Draft,
}

/// A key that was made, shown this once.
#[derive(Template)]
#[template(path = "page/key_made.html")]
struct MadePage {
    frame: Frame,
    label: FreeText,
    text: String,
    expires: Timestamp,
}

async fn making(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    show(visit, StatusCode::OK, Draft::of([("days", "30".to_owned())]))
}

fn show(visit: &Visit, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let frame = visit.frame(Section::Keys, "Make an API key").crumb("API keys", path::api_keys()).answering(status);
    Answer::page_with(status, &NewPage { frame, groups: scope::groups(visit.caller().role()), draft })
}

async fn make(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let mut draft = visit.form().draft();
    let (label, days) = (draft.read::<FreeText>("label"), draft.read::<u16>("days"));
    if days.is_some_and(|days| !DAYS.iter().any(|(known, _)| *known == days)) {
        draft.fault_at("days", "choose one of the lengths");
    }
    let scopes = match Scopes::parse(visit.form().all("scope")) {
        Ok(scopes) => Some(scopes),
        Err(why) => {
            draft.fault_at("scope", why);
            None
        }
    };
    let (Some(label), Some(days), Some(scopes), false) = (label, days, scopes, draft.has_faults()) else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, draft);
    };
    visit.once()?;
    let expires = visit.now().plus_ms(i64::from(days) * DAY_MS);
    let input = CreateApiKey { person: None, label, scopes: Some(scopes), expires };
    match visit.operations().create_api_key(visit.caller(), input).await {
        Ok(made) => {
            let frame = visit.frame(Section::Keys, "An API key was made").crumb("API keys", path::api_keys());
            let (label, expires) = (made.record.label, made.record.expires);
            Answer::page(&MadePage { frame, label, text: made.text.expose().clone(), expires })
        }
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::UNPROCESSABLE_ENTITY, draft)
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use control_plane_domain::policy::Role;

    use crate::console::sample::{HOSTILE, Sample, hostile_text};
    let frame = || Frame::sample(Section::Keys, "API keys");
    let page = |role, draft| NewPage { frame: frame(), groups: scope::groups(role), draft };
    let hostile = || Draft::of([("label", HOSTILE.to_owned()), ("scope", HOSTILE.to_owned())]);
    let made = MadePage {
        frame: frame(),
        label: hostile_text(),
        text: "pak_x".to_owned(),
        expires: Timestamp::from_millis(1_795_000_000_000),
    };
    let mut all: Vec<Sample> = Role::ALL
        .iter()
        .map(|role| Sample::page(format!("make an API key as {role}").leak(), &page(*role, Draft::default())))
        .collect();
    all.push(Sample::page("make an API key, hostile", &page(Role::Owner, hostile())));
    all.push(Sample::page("an API key, made", &made));
    all
}
