//! What changed since a day: verdicts, checks that began to fail, and checks that hold again.

use askama::Template;
use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::ChangeRow;

use super::shown::words;
use super::when;
use super::who::named;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Html, Pager};
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/changes",
    name: "changes",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(list(visit))),
    query: &[Field::one("since"), Field::one("cursor"), Field::one("format")],
    takes: Takes::Nothing,
}];

/// How far back is looked when nobody says.
const WEEK_MS: i64 = 7 * 86_400_000;

#[derive(Template)]
#[template(path = "page/changes.html")]
struct ChangesPage {
    frame: Frame,
    changes: Vec<ChangeRow>,
    filter: Draft,
    pager: Pager,
}

/// The procedure of a change, with a link to its page where it is installed.
fn procedure(row: &ChangeRow) -> Html {
    named(&row.change.procedure, row.title.as_ref(), row.runner.id, row.digest)
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let since = when::from(visit, "since")?.unwrap_or_else(|| visit.now().plus_ms(-WEEK_MS));
    if visit.query().text("format").is_some() {
        return table(visit, since).await;
    }
    let changes = visit.operations().list_changes(visit.caller(), since, &visit.query().page()?).await?;
    let frame = visit.frame(Section::Overview, "What changed").crumb("Overview", path::overview()).live();
    let filter = Draft::of([("since", visit.zone().day(since))]);
    Answer::page(&ChangesPage { frame, pager: visit.pager(&changes), changes: changes.items, filter })
}

async fn table(visit: &Visit, since: Timestamp) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    let fetch = move |page| {
        let (operations, caller) = (operations.clone(), caller.clone());
        async move { operations.list_changes(&caller, since, &page).await }
    };
    csv::answer(visit, "changes", COLUMNS, fetch, cells).await
}

const COLUMNS: &[&str] = &[
    "Change",
    "Procedure",
    "Procedure title",
    "Check",
    "Title",
    "Severity",
    "Was",
    "Is",
    "Failing since",
    "Runner",
    "Runner label",
    "Run",
    "Run ended",
    "Heard",
];

fn cells(row: &ChangeRow) -> csv::Row {
    let change = &row.change;
    csv::Row::new()
        .text(words::changed(change))
        .text(&change.procedure)
        .maybe(row.title.as_ref())
        .maybe(change.check.as_ref())
        .maybe(row.check_title.as_ref())
        .maybe(change.severity)
        .maybe(change.before)
        .text(change.status)
        .maybe_time(change.failing_since)
        .text(row.runner.id)
        .text(&row.runner.label)
        .text(change.run)
        .time(change.run_ended)
        .time(change.at)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::shown::sample;
    use crate::console::sample::Sample;
    let page = |changes| ChangesPage {
        frame: Frame::sample(Section::Overview, "What changed"),
        changes,
        filter: Draft::of([("since", "2026-11-15".to_owned())]),
        pager: Pager::default(),
    };
    vec![Sample::page("changes, ordinary", &page(sample::changes())), Sample::page("changes, none", &page(Vec::new()))]
}

#[cfg(test)]
mod tests {
    use super::super::shown::sample;
    use super::*;

    #[test]
    fn a_check_goes_by_its_title_and_leads_to_its_run_and_its_procedure() {
        let mut changes = sample::changes();
        let page = |changes| ChangesPage {
            frame: Frame::sample(Section::Overview, "What changed"),
            changes,
            filter: Draft::default(),
            pager: Pager::default(),
        };
        let text = page(changes.clone()).render().unwrap();
        let run = path::run(sample::run_id(1));
        assert!(text.contains(&format!("<a href=\"{run}\">The account belongs to a person</a>")), "{text}");
        assert!(text.contains("<span class=\"under mono\">belongs_to_somebody</span>"), "{text}");
        let procedure = path::procedure(sample::runner().id, sample::digest());
        assert!(text.contains(&format!("href=\"{procedure}\"")), "{text}");
        changes.iter_mut().for_each(|row| (row.title, row.check_title, row.digest) = (None, None, None));
        let text = page(changes).render().unwrap();
        assert!(text.contains(&format!("<a href=\"{run}\">belongs_to_somebody</a>")), "{text}");
        assert!(text.contains("<span class=\"under mono\">access-review</span>") && !text.contains(procedure.as_str()));
    }
}
