//! What holds for the whole organisation, and the switch of drill-downs.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::tenant::{Plan, Tenant};
use http::StatusCode;

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Tone;
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
    tenant: Tenant,
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
    let frame = visit.frame(Section::Settings, "Drill-downs on or off").crumb("Settings", path::settings());
    Answer::page_with(status, &SwitchPage { frame, tenant, draft })
}

async fn switch(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let mut draft = visit.form().draft();
    let tenant = visit.operations().tenant(visit.caller().tenant()).await?;
    let enabled = match visit.form().text("to") {
        Some("on") => Some(true),
        Some("off") => Some(false),
        Some(_) | None => {
            draft.fault_at("to", "say whether to switch them on or off");
            None
        }
    };
    // Switching off takes something from everybody, so it asks for the name; switching on is as quickly undone.
    if enabled == Some(false) && !visit.form().confirms(tenant.name.as_str()) {
        draft.fault_at("confirm", "this is not the organisation's name: type it exactly as it is shown");
    }
    let (Some(enabled), false) = (enabled, draft.has_faults()) else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, draft).await;
    };
    visit.operations().set_drilldowns(visit.caller(), enabled).await?;
    let said = if enabled { "Drill-downs are switched on." } else { "Drill-downs are switched off for everybody." };
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
        let draft = Draft::of([("confirm", HOSTILE.to_owned()), ("to", HOSTILE.to_owned())]);
        let page = SwitchPage { frame: frame(), tenant: tenant(*plan, on), draft };
        all.push(Sample::page(format!("switch drill-downs, {plan}").leak(), &page));
    }
    all
}
