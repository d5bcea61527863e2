//! What holds for the whole organisation, and the switch of drill-downs.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::tenant::{Plan, Tenant};
use http::StatusCode;

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Tone;
use crate::console::pages::sure::Sure;
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const SWITCH: &[Permission] = &[Permission::DrillDownsSwitch];

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/settings",
        name: "settings",
        access: Access::Permitted(SWITCH, |visit| Box::pin(settings(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/settings/drilldowns",
        name: "settings.drilldowns",
        access: Access::Permitted(SWITCH, |visit| Box::pin(switching(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/settings/drilldowns",
        name: "settings.switch_drilldowns",
        access: Access::Permitted(SWITCH, |visit| Box::pin(switch(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("to"), Field::one("confirm")]),
    },
];

#[derive(Template)]
#[template(path = "page/settings.html")]
struct SettingsPage {
    frame: Frame,
    tenant: Tenant,
}

#[derive(Template)]
#[template(path = "page/settings_drilldowns.html")]
struct SwitchPage {
    frame: Frame,
    draft: Draft,
}

impl SettingsPage {
    /// What the plan says.
    const fn plan(&self) -> &'static str {
        match self.tenant.plan {
            Plan::Free | Plan::Pro => "the Runner is hosted by the operator of this control plane",
            Plan::Business | Plan::Enterprise => "with Runners of your own",
        }
    }
}

async fn settings(visit: &Visit) -> Result<Answer, Trouble> {
    let tenant = visit.operations().tenant(visit.caller().tenant()).await?;
    Answer::page(&SettingsPage { frame: visit.frame(Section::Settings, "Settings"), tenant })
}

async fn switching(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    show(visit, StatusCode::OK, Draft::default()).await
}

async fn show(visit: &Visit, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let tenant = visit.operations().tenant(visit.caller().tenant()).await?;
    if tenant.drilldowns {
        return sure_of(&tenant).again(frame(visit), status, draft);
    }
    Answer::page_with(status, &SwitchPage { frame: frame(visit).answering(status), draft })
}

fn frame(visit: &Visit) -> Frame {
    visit.frame(Section::Settings, "Evidence requests on or off").crumb("Settings", path::settings())
}

/// Switching off takes something from everybody, so it asks for the name; switching on is as quickly undone.
fn sure_of(tenant: &Tenant) -> Sure {
    Sure {
        heading: "Switch evidence requests off".to_owned(),
        says: vec![
            "Nobody of the organisation can request evidence from then on. Requests that are open end with it, and an \
             answer that is on its way is cut off. They can be switched on again."
                .to_owned(),
        ],
        facts: Vec::new(),
        what: "organisation's name",
        name: tenant.name.to_string(),
        wants_reason: false,
        hidden: &[("to", "off")],
        action: path::switch_drilldowns(),
        button: "Switch off for everybody",
        is_danger: true,
        back: path::settings(),
        back_says: "Leave them on",
    }
}

async fn switch(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let tenant = visit.operations().tenant(visit.caller().tenant()).await?;
    let (enabled, draft) = match visit.form().text("to") {
        Some("on") => (Some(true), visit.form().draft()),
        Some("off") => (Some(false), sure_of(&tenant).read(visit.form())),
        Some(_) | None => {
            let mut draft = visit.form().draft();
            draft.fault_at("", "say whether to switch them on or off");
            (None, draft)
        }
    };
    let (Some(enabled), false) = (enabled, draft.has_faults()) else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, draft).await;
    };
    visit.operations().set_drilldowns(visit.caller(), enabled).await?;
    let said = if enabled {
        "Evidence requests are switched on."
    } else {
        "Evidence requests are switched off for everybody."
    };
    Ok(Answer::go(path::settings()).saying(said))
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use clock::Timestamp;
    use ids::TenantId;

    use crate::console::sample::{HOSTILE, Sample, hostile_text};

    let tenant = |plan, drilldowns| Tenant {
        id: TenantId::from_parts(1, [1; 10]),
        name: hostile_text(),
        plan,
        drilldowns,
        created: Timestamp::from_millis(1_794_000_000_000),
    };
    let frame = || Frame::sample(Section::Settings, "Settings");
    let mut all = Vec::new();
    for (plan, on) in Plan::ALL.iter().zip([true, false, true, false]) {
        let page = SettingsPage { frame: frame(), tenant: tenant(*plan, on) };
        all.push(Sample::page(format!("settings, {plan}").leak(), &page));
    }
    let mut draft = Draft::of([("to", HOSTILE.to_owned())]);
    draft.fault_at("", HOSTILE);
    all.push(Sample::page("switch evidence requests on", &SwitchPage { frame: frame(), draft: Draft::default() }));
    all.push(Sample::page("switch evidence requests on, hostile", &SwitchPage { frame: frame(), draft }));
    all
}
