//! Secrets of connectors: which were sent to which Runner and what became of them, and the page that sends one. The value
//! is sealed in the browser to the Runner's key; it never stands in a form that is sent here.

use askama::Template;
use clock::Timestamp;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::Permission;
use control_plane_domain::runner::{Runner, Standing};
use control_plane_domain::secret::{ConnectorSecret, SecretFilter, SecretState};
use control_plane_operations::Error;
use http::StatusCode;
use ids::{RequestId, RunnerId};

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Pager, Tone};
use crate::console::pages::narrow::{self, Choice};
use crate::console::pages::sure::Sure;
use crate::console::pages::who::{Linked, Who};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

/// Whoever sends secrets withdraws their own, and whoever looks after those of others withdraws these.
const CANCEL: &[Permission] = &[Permission::SecretsSend, Permission::SecretsManage];

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/secrets",
        name: "secrets",
        access: Access::Permitted(&[Permission::SecretsList], |visit| Box::pin(list(visit))),
        query: &[Field::one("runner"), Field::one("name"), Field::one("cursor"), Field::one("format")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/secrets/new",
        name: "secret.sending",
        access: Access::Permitted(&[Permission::SecretsSend], |visit| Box::pin(sending(visit))),
        query: &[Field::one("runner")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/secrets/{secret}/cancel",
        name: "secret.cancelling",
        access: Access::Permitted(CANCEL, |visit| Box::pin(cancelling(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/secrets/{secret}/cancel",
        name: "secret.cancel",
        access: Access::Permitted(CANCEL, |visit| Box::pin(cancel(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("confirm")]),
    },
];

#[derive(Template)]
#[template(path = "page/secrets.html")]
struct SecretsPage {
    frame: Frame,
    rows: Vec<Row>,
    is_narrowed: bool,
    /// What the form holds, with what is wrong in it.
    draft: Draft,
    runners: Vec<Choice>,
    /// Whether there are more than are offered.
    more: bool,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "page/secret_new.html")]
struct NewPage {
    frame: Frame,
    runners: Vec<Runner>,
    chosen: Option<RunnerId>,
}

struct Row {
    secret: ConnectorSecret,
    by: Linked,
    runner: Linked,
    became: Became,
    code: Option<Linked>,
    can_cancel: bool,
    cancel: Href,
}

/// What became of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Became {
    tone: Tone,
    word: &'static str,
    code: Option<String>,
    at: Option<Timestamp>,
}

impl Became {
    fn of(state: &SecretState) -> Self {
        let (tone, word, code, at) = match state {
            SecretState::ToSeal => (Tone::Wait, "not sealed yet", None, None),
            SecretState::Waiting(_) => (Tone::Wait, "waits for the Runner", None, None),
            SecretState::Delivered(_) => (Tone::Info, "at the Runner", None, None),
            SecretState::Accepted { at, .. } => (Tone::Good, "kept by the Runner", None, Some(*at)),
            SecretState::Refused { code, at, .. } => (Tone::Bad, "refused", Some(code), Some(*at)),
            SecretState::Expired { code, at, .. } => (Tone::Warn, "expired", Some(code), Some(*at)),
            SecretState::Cancelled { at, .. } => (Tone::Quiet, "withdrawn", None, Some(*at)),
        };
        Self { tone, word, code: code.map(ToString::to_string), at }
    }
}

impl Row {
    fn new(secret: ConnectorSecret, who: &Who, may_cancel: bool) -> Self {
        let became = Became::of(&secret.state);
        Self {
            by: who.person(secret.person),
            runner: who.runner(secret.runner),
            code: became.code.as_ref().map(|code| Linked { text: code.clone(), href: Some(path::code(code)) }),
            can_cancel: may_cancel && !secret.state.word().is_over(),
            cancel: path::secret_cancel(secret.id),
            became,
            secret,
        }
    }
}

/// Reads the form; what is wrong stands in the draft.
fn filter(draft: &mut Draft) -> SecretFilter {
    SecretFilter { runner: draft.read_optional("runner"), name: draft.read_optional("name") }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let mut draft = visit.query().draft();
    let filter = filter(&mut draft);
    let is_wrong = draft.has_faults();
    if !is_wrong && visit.query().text("format") == Some("csv") {
        return table(visit, filter).await;
    }
    let is_narrowed = is_wrong || filter != SecretFilter::default();
    let found = visit.operations().secrets_page(visit.caller(), &filter, &visit.query().page()?).await?;
    // A form that was not understood found nothing.
    let listed = if is_wrong { Listed { items: Vec::new(), next: None } } else { found.rows };
    let pager = visit.pager(&listed);
    let people = listed.items.iter().map(|secret| secret.person);
    let who = Who::read(visit, people, listed.items.iter().map(|secret| secret.runner)).await?;
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = visit.frame(Section::Secrets, "Secrets").live().answering(status);
    let row = |secret: ConnectorSecret| {
        let may_cancel = visit.operations().may_cancel_secret(visit.caller(), &secret);
        Row::new(secret, &who, may_cancel)
    };
    let rows = listed.items.into_iter().map(row).collect();
    let runners = narrow::runners(found.whom.runners, "", draft.value("runner"));
    let more = found.whom.more_runners;
    Answer::page_with(status, &SecretsPage { frame, rows, is_narrowed, draft, runners, more, pager })
}

async fn sending(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed_by_app()?;
    let chosen = visit.query().parsed::<RunnerId>("runner")?;
    let runners = visit.operations().list_runners(visit.caller(), Some(Standing::Active), &Page::first()).await?.items;
    let frame =
        visit.frame(Section::Secrets, "Send a secret").crumb("Secrets", path::secrets()).script("secret-page.js");
    Answer::page(&NewPage { frame, runners, chosen })
}

async fn found(visit: &Visit) -> Result<(ConnectorSecret, Frame, Sure), Trouble> {
    let secret: RequestId = visit.path("secret", "secret")?;
    let secret = visit.operations().get_secret(visit.caller(), secret).await?;
    if !visit.operations().may_cancel_secret(visit.caller(), &secret) {
        return Err(Error::NotTheSender.into());
    }
    let who = Who::read(visit, [secret.person], [secret.runner]).await?;
    let frame = visit.frame(Section::Secrets, "Withdraw a secret").crumb("Secrets", path::secrets());
    let sure = Sure {
        heading: format!("Withdraw the secret “{}”", secret.name),
        says: vec![
            "The Runner is not given it any more. What it has taken already it keeps: its operator removes that at its \
             host, with proctor-runner secret remove NAME."
                .to_owned(),
        ],
        facts: vec![
            ("Runner", who.runner(secret.runner).html()),
            ("Sent by", who.person(secret.person).html()),
            ("Requested", frame.time(secret.requested)),
        ],
        what: "secret's name",
        name: secret.name.to_string(),
        wants_reason: false,
        hidden: &[],
        action: path::secret_cancel(secret.id),
        button: "Withdraw the secret",
        is_danger: true,
        back: path::secrets(),
        back_says: "Leave it",
    };
    Ok((secret, frame, sure))
}

async fn cancelling(visit: &Visit) -> Result<Answer, Trouble> {
    let (_, frame, sure) = found(visit).await?;
    sure.ask(frame)
}

async fn cancel(visit: &Visit) -> Result<Answer, Trouble> {
    let (secret, frame, sure) = found(visit).await?;
    let mut draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(frame, StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    match visit.operations().cancel_secret(visit.caller(), secret.id).await {
        Ok(_) => Ok(Answer::go(path::secrets()).saying("The secret was withdrawn before the Runner had it.")),
        Err(error) => {
            draft.refuse(error)?;
            sure.again(frame, StatusCode::CONFLICT, draft)
        }
    }
}

async fn table(visit: &Visit, filter: SecretFilter) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    csv::answer(
        visit,
        "secrets",
        &["Request", "Name", "Runner", "Sent by", "Requested", "Expires", "State", "Code", "Ended"],
        move |page| {
            let (operations, caller, filter) = (operations.clone(), caller.clone(), filter.clone());
            async move { operations.list_secrets(&caller, &filter, &page).await }
        },
        |secret: &ConnectorSecret| {
            let became = Became::of(&secret.state);
            csv::Row::new()
                .text(secret.id)
                .text(&secret.name)
                .text(secret.runner)
                .text(secret.person)
                .time(secret.requested)
                .time(secret.expires)
                .text(secret.state.word())
                .maybe(became.code)
                .maybe_time(became.at)
        },
    )
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use control_plane_domain::audit_log::AuditRef;
    use control_plane_domain::drilldown::AskedWith;
    use control_plane_domain::policy::Role;
    use control_plane_domain::secret::Sent;
    use crypto::Digest;
    use ids::{PersonId, SessionId};

    use crate::console::pages::runners::sample;
    use crate::console::sample::{HOSTILE, Sample, hostile_text};

    let now = Timestamp::from_millis(1_795_000_000_000);
    let (ada, runner) = (PersonId::from_parts(1, [1; 10]), RunnerId::from_parts(1, [2; 10]));
    let code = || "E-SECRET-032".parse().unwrap();
    let sent = || Sent { envelope: vec![], sealed: vec![], request_sha256: Digest::ZERO };
    let states = || {
        vec![
            SecretState::ToSeal,
            SecretState::Waiting(sent()),
            SecretState::Delivered(sent()),
            SecretState::Accepted { request_sha256: Digest::ZERO, receipt: Digest::ZERO, at: now },
            SecretState::Refused { request_sha256: Digest::ZERO, code: code(), receipt: None, at: now },
            SecretState::Expired { request_sha256: None, code: code(), at: now },
            SecretState::Cancelled { request_sha256: None, at: now },
        ]
    };
    let secret = |(number, state): (u8, SecretState)| ConnectorSecret {
        id: RequestId::from_parts(1, [number; 10]),
        runner,
        name: "warehouse-password".parse().unwrap(),
        person: ada,
        role: Role::Engineer,
        with: AskedWith::Session(SessionId::from_parts(1, [4; 10])),
        device_key: vec![],
        requested: now,
        seal_by: now.plus_ms(600_000),
        expires: now.plus_ms(86_400_000),
        audit: AuditRef { seq: 0, hash: Digest::ZERO },
        state,
    };
    let hostile = hostile_text().to_string();
    let who = Who::sample(&[(ada, &hostile)], &[(runner, &hostile)]);
    let frame = || Frame::sample(Section::Secrets, "Secrets");
    let page = |states: Vec<SecretState>, is_narrowed, draft| SecretsPage {
        rows: (1..).zip(states).map(|state| Row::new(secret(state), &who, true)).collect(),
        frame: frame(),
        is_narrowed,
        draft,
        runners: vec![("x".to_owned(), HOSTILE.to_owned())],
        more: is_narrowed,
        pager: Pager::default(),
    };
    let mut wrong = Draft::of(["runner", "name"].map(|field| (field, HOSTILE.to_owned())));
    wrong.fault_at("name", HOSTILE);
    vec![
        Sample::page("secrets, of every state", &page(states(), false, Draft::default())),
        Sample::page("secrets, none", &page(vec![], false, Draft::default())),
        Sample::page("secrets, narrowed to none, hostile", &page(vec![], true, wrong)),
        Sample::page("send a secret", &NewPage { frame: frame(), runners: sample::of_every_kind(), chosen: None }),
        Sample::page("send a secret, no Runner", &NewPage { frame: frame(), runners: vec![], chosen: None }),
        Sample::page(
            "send a secret, hostile",
            &NewPage { frame: frame(), runners: vec![sample::hostile()], chosen: Some(sample::hostile().id) },
        ),
    ]
}
