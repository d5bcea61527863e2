//! The runs that a run can be compared with: all of its procedure, at whichever Runner.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::run::RunFilter;
use control_plane_operations::console::{AtRunner, RunRow};
use ids::{RunId, RunnerId};
use verdict::Status;

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Pager;
use crate::console::pages::{runs, when};
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/runs/{run}/compare",
    name: "run.compare.choose",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(choose(visit))),
    query: &[
        Field::one("with"),
        Field::one("runner"),
        Field::one("verdict"),
        Field::one("from"),
        Field::one("until"),
        Field::one("cursor"),
        Field::one("format"),
    ],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/compare_choose.html")]
struct ChoosePage {
    frame: Frame,
    run: RunRow,
    rows: Vec<RunRow>,
    looked_through: Option<u64>,
    runners: Vec<AtRunner>,
    filter: Draft,
    pager: Pager,
}

impl ChoosePage {
    fn title(&self) -> String {
        title(&self.run)
    }
}

fn title(run: &RunRow) -> String {
    run.title.as_ref().map_or_else(|| run.run.procedure.id.to_string(), ToString::to_string)
}

async fn choose(visit: &Visit) -> Result<Answer, Trouble> {
    let run = visit.path::<RunId>("run", "run")?;
    if let Some(other) = visit.query().parsed::<RunId>("with")? {
        // Looked up first: what is not of this tenant is not found here either.
        visit.operations().get_run(visit.caller(), run).await?;
        return Ok(Answer::go(path::compare(run, other)));
    }
    let filter = RunFilter {
        runner: visit.query().parsed::<RunnerId>("runner")?,
        verdict: visit.query().parsed::<Status>("verdict")?,
        from: when::from(visit, "from")?,
        until: when::until(visit, "until")?,
        ..RunFilter::default()
    };
    if visit.query().text("format").is_some() {
        return table(visit, run, filter).await;
    }
    let page = visit.query().page()?;
    let found = visit.operations().comparable_runs(visit.caller(), run, &filter, &page).await?;
    let frame = visit
        .frame(Section::Runs, "Choose a run to compare with")
        .crumb("Runs", path::runs())
        .crumb(format!("Run of {}", title(&found.run)), path::run(run));
    Answer::page(&ChoosePage {
        frame,
        pager: visit.pager(&found.rows),
        run: found.run,
        rows: found.rows.items,
        looked_through: found.looked_through,
        runners: found.runners,
        filter: visit.query().draft(),
    })
}

async fn table(visit: &Visit, run: RunId, filter: RunFilter) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    let fetch = move |page| {
        let (operations, caller, filter) = (operations.clone(), caller.clone(), filter.clone());
        async move { Ok(operations.comparable_runs(&caller, run, &filter, &page).await?.rows) }
    };
    csv::answer(visit, &format!("run-{run}-others"), runs::COLUMNS, fetch, runs::cells).await
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |all: Vec<RunRow>, looked_through| {
        let mut all = all.into_iter();
        ChoosePage {
            frame: Frame::sample(Section::Runs, "Choose a run to compare with"),
            run: all.next().unwrap(),
            rows: all.collect(),
            looked_through,
            runners: vec![sample::runner()],
            filter: Draft::of([("verdict", "fail".to_owned())]),
            pager: Pager::default(),
        }
    };
    let one = sample::run_rows().into_iter().take(1).collect();
    vec![
        Sample::page("compare with, ordinary", &page(sample::run_rows(), None)),
        Sample::page("compare with, none", &page(one, Some(5_000))),
        Sample::page("compare with, hostile", &page(sample::hostile_run_rows(), None)),
    ]
}
