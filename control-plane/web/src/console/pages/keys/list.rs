//! Which keys there are, and the end of one.

use askama::Template;
use clock::Timestamp;
use control_plane_domain::api_key::ApiKey;
use control_plane_domain::list::Page;
use control_plane_domain::policy::Permission;
use http::StatusCode;
use ids::ApiKeyId;

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Pager, Tone};
use crate::console::pages::who::{Linked, Who};
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
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

#[derive(Template)]
#[template(path = "page/key_end.html")]
struct EndPage {
    frame: Frame,
    key: ApiKey,
    draft: Draft,
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
    let wanted: ApiKeyId = visit.path("key", "API key")?;
    let mut page = Page::first();
    loop {
        let keys = visit.operations().list_api_keys(visit.caller(), &page).await?;
        if let Some(key) = keys.items.into_iter().find(|key| key.id == wanted) {
            return Ok(key);
        }
        page = page.following(keys.next.ok_or_else(|| Trouble::not_found("API key"))?);
    }
}

async fn ending(visit: &Visit) -> Result<Answer, Trouble> {
    let key = found(visit).await?;
    show_end(visit, StatusCode::OK, key, Draft::default())
}

fn show_end(visit: &Visit, status: StatusCode, key: ApiKey, draft: Draft) -> Result<Answer, Trouble> {
    let frame = visit.frame(Section::Keys, "End an API key").crumb("API keys", path::api_keys());
    Answer::page_with(status, &EndPage { frame, key, draft })
}

async fn end(visit: &Visit) -> Result<Answer, Trouble> {
    let key = found(visit).await?;
    let mut draft = visit.form().draft();
    if !visit.form().confirms(key.label.as_str()) {
        draft.fault_at("confirm", "this is not the key's label: type it exactly as it is shown");
        return show_end(visit, StatusCode::UNPROCESSABLE_ENTITY, key, draft);
    }
    match visit.operations().revoke_api_key(visit.caller(), key.id).await {
        Ok(()) => Ok(Answer::go(path::api_keys()).saying(format!("The key {} has ended.", key.label))),
        Err(error) => {
            draft.refuse(error)?;
            show_end(visit, StatusCode::CONFLICT, key, draft)
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use control_plane_domain::policy::{Role, Scopes};
    use ids::PersonId;

    use crate::console::sample::{HOSTILE, Sample, hostile_text};

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
    let ending = |draft| EndPage { frame: frame(), key: key(1, now.plus_ms(1), None), draft };
    vec![
        Sample::page("API keys, of everybody", &page(keys(), true)),
        Sample::page("API keys, one's own", &page(keys(), false)),
        Sample::page("API keys, none", &page(vec![], false)),
        Sample::page("end an API key", &ending(Draft::default())),
        Sample::page("end an API key, hostile", &ending(Draft::of([("confirm", HOSTILE.to_owned())]))),
    ]
}
