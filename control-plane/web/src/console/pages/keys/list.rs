//! Which keys there are, and the end of one.

use askama::Template;
use clock::Timestamp;
use control_plane_domain::api_key::ApiKey;
use control_plane_domain::policy::Permission;
use http::StatusCode;
use ids::ApiKeyId;

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Pager, Tone};
use crate::console::pages::sure::Sure;
use crate::console::pages::who::{Linked, Who};
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/account/keys",
        name: "keys",
        access: Access::Permitted(&[Permission::ApiKeysList], |visit| Box::pin(list(visit))),
        query: &[Field::one("cursor"), Field::one("format")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/account/keys/{key}/revoke",
        name: "key.ending",
        access: Access::Permitted(&[Permission::ApiKeysRevoke], |visit| Box::pin(ending(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/account/keys/{key}/revoke",
        name: "key.end",
        access: Access::Permitted(&[Permission::ApiKeysRevoke], |visit| Box::pin(end(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("confirm")]),
    },
];

#[derive(Template)]
#[template(path = "page/keys.html")]
struct KeysPage {
    frame: Frame,
    rows: Vec<Row>,
    /// Whether the keys of others are shown too.
    of_all: bool,
    pager: Pager,
}

struct Row {
    key: ApiKey,
    person: Linked,
    tone: Tone,
    word: &'static str,
    is_good: bool,
}

impl Row {
    fn new(key: ApiKey, who: &Who, now: Timestamp) -> Self {
        let (tone, word) = standing(&key, now);
        Self { person: who.person(key.person), tone, word, is_good: key.revoked.is_none() && now < key.expires, key }
    }
}

/// Whether a key can be used.
fn standing(key: &ApiKey, now: Timestamp) -> (Tone, &'static str) {
    match key.revoked {
        Some(_) => (Tone::Quiet, "ended"),
        None if now >= key.expires => (Tone::Quiet, "expired"),
        None => (Tone::Good, "good"),
    }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    if visit.query().text("format") == Some("csv") {
        return table(visit).await;
    }
    let keys = visit.operations().list_api_keys(visit.caller(), &visit.query().page()?).await?;
    let pager = visit.pager(&keys);
    let who = Who::read(visit, keys.items.iter().map(|key| key.person), []).await?;
    let rows = keys.items.into_iter().map(|key| Row::new(key, &who, visit.now())).collect();
    let of_all = visit.may(Permission::ApiKeysManage);
    let frame = visit.frame(Section::Keys, "API keys").crumb("Account", path::account());
    Answer::page(&KeysPage { frame, rows, of_all, pager })
}

async fn table(visit: &Visit) -> Result<Answer, Trouble> {
    let (operations, caller, now) = (visit.operations().clone(), visit.caller().clone(), visit.now());
    csv::answer(
        visit,
        "api-keys",
        &["Key", "Label", "Person", "State", "Scopes", "Made", "Until", "Last used", "Ended"],
        move |page| {
            let (operations, caller) = (operations.clone(), caller.clone());
            async move { operations.list_api_keys(&caller, &page).await }
        },
        move |key: &ApiKey| {
            csv::Row::new()
                .text(key.id)
                .text(&key.label)
                .text(key.person)
                .text(standing(key, now).1)
                .text(&key.scopes)
                .time(key.created)
                .time(key.expires)
                .maybe_time(key.last_used)
                .maybe_time(key.revoked)
        },
    )
    .await
}

/// The key that the path names, if this person may see it: their own, or anybody's.
async fn found(visit: &Visit) -> Result<ApiKey, Trouble> {
    let key: ApiKeyId = visit.path("key", "API key")?;
    Ok(visit.operations().api_key(visit.caller(), key).await?)
}

async fn ending(visit: &Visit) -> Result<Answer, Trouble> {
    let key = found(visit).await?;
    let frame = end_frame(visit);
    sure_of(&frame, &key).ask(frame)
}

fn end_frame(visit: &Visit) -> Frame {
    visit.frame(Section::Keys, "End an API key").crumb("API keys", path::api_keys())
}

fn sure_of(frame: &Frame, key: &ApiKey) -> Sure {
    Sure {
        heading: format!("End the key “{}”", key.label),
        says: vec!["It stops working at once, and for good. Programs that use it are refused from then on.".to_owned()],
        facts: vec![
            ("Made", frame.time(key.created)),
            ("Last used", frame.time_or(key.last_used, "never")),
            ("Until", frame.time(key.expires)),
        ],
        what: "label",
        name: key.label.to_string(),
        wants_reason: false,
        hidden: &[],
        action: path::api_key_revoke(key.id),
        button: "End the key",
        is_danger: true,
        back: path::api_keys(),
        back_says: "Leave it",
    }
}

async fn end(visit: &Visit) -> Result<Answer, Trouble> {
    let key = found(visit).await?;
    let frame = end_frame(visit);
    let sure = sure_of(&frame, &key);
    let mut draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(frame, StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    match visit.operations().revoke_api_key(visit.caller(), key.id).await {
        Ok(()) => Ok(Answer::go(path::api_keys()).saying(format!("The key {} has ended.", key.label))),
        Err(error) => {
            draft.refuse(error)?;
            sure.again(frame, StatusCode::CONFLICT, draft)
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use control_plane_domain::policy::{Role, Scopes};
    use ids::PersonId;

    use crate::console::sample::{Sample, hostile_text};

    let now = Timestamp::from_millis(1_795_000_000_000);
    let ada = PersonId::from_parts(1, [1; 10]);
    let key = |number: u8, expires, revoked| ApiKey {
        id: ApiKeyId::from_parts(1, [number; 10]),
        person: ada,
        label: hostile_text(),
        scopes: Scopes::of_role(Role::Viewer),
        created: now.plus_ms(-1_000),
        expires,
        last_used: revoked,
        revoked,
    };
    let keys = || vec![key(1, now.plus_ms(1), None), key(2, now, None), key(3, now.plus_ms(1), Some(now))];
    let who = Who::sample(&[(ada, "<b>Ada</b>")], &[]);
    let frame = || Frame::sample(Section::Keys, "API keys");
    let page = |keys: Vec<ApiKey>, of_all| KeysPage {
        frame: frame(),
        rows: keys.into_iter().map(|key| Row::new(key, &who, now)).collect(),
        of_all,
        pager: Pager::default(),
    };
    vec![
        Sample::page("API keys, of everybody", &page(keys(), true)),
        Sample::page("API keys, one's own", &page(keys(), false)),
        Sample::page("API keys, none", &page(vec![], false)),
    ]
}
