//! The zone in which a person reads times, wherever they sign in.

use askama::Template;
use control_plane_domain::account::ZoneName;
use http::StatusCode;

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::path;
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::console::zone::Zone;

#[derive(Template)]
#[template(path = "page/account_zone.html")]
struct ZonePage {
    frame: Frame,
    draft: Draft,
    zones: Vec<&'static str>,
}

pub(super) async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    page(visit, StatusCode::OK, Draft::of([("zone", visit.zone().name().to_owned())]))
}

fn page(visit: &Visit, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let frame = visit.frame(Section::Account, "Time zone").crumb("Account", path::account()).answering(status);
    Answer::page_with(status, &ZonePage { frame, draft, zones: Zone::names().collect() })
}

pub(super) async fn set(visit: &Visit) -> Result<Answer, Trouble> {
    let mut draft = visit.form().draft();
    let Some(zone) = draft.read::<Zone>("zone") else { return page(visit, StatusCode::UNPROCESSABLE_ENTITY, draft) };
    // What nobody chose is UTC.
    let name = if zone == Zone::UTC { None } else { Some(zone.name().parse::<ZoneName>()) };
    let name = name.transpose().map_err(Trouble::invalid)?;
    visit.operations().set_zone(visit.caller(), name).await?;
    Ok(Answer::go(path::account()).saying(format!("Times are shown to you in {}.", zone.name())))
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let page = |zone: &str| ZonePage {
        frame: Frame::sample(Section::Account, "Time zone").crumb("Account", path::account()),
        draft: Draft::of([("zone", zone.to_owned())]),
        zones: Zone::names().collect(),
    };
    vec![Sample::page("account zone", &page("Asia/Tokyo")), Sample::page("account zone, hostile", &page(HOSTILE))]
}
