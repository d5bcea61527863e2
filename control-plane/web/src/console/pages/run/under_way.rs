//! The page of a run that has no result yet: how far its Runner says that it is.

use askama::Template;
use control_plane_operations::console::{RunningRow, StepNow};
use ids::RunId;

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Tone;
use crate::console::pages::shown::words;
use crate::console::path;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;

#[derive(Template)]
#[template(path = "page/run_under_way.html")]
struct UnderWayPage {
    frame: Frame,
    run: RunId,
    title: String,
    row: RunningRow,
}

impl UnderWayPage {
    fn new(frame: Frame, run: RunId, row: RunningRow) -> Self {
        let title = row.procedure.as_ref().map_or("a procedure that is no longer installed", |it| it.title.as_str());
        Self { frame, run, title: format!("Run of {title}"), row }
    }

    fn state(&self) -> (&'static str, Tone) {
        words::running(&self.row.stage)
    }

    fn step(&self) -> Option<&StepNow> {
        words::step_now(&self.row)
    }
}

/// Shows it, if the run is worked at.
pub(super) async fn show(visit: &Visit, run: RunId) -> Result<Answer, Trouble> {
    let row = visit.operations().run_under_way(visit.caller(), run).await?;
    let frame = visit.frame(Section::Runs, "A run under way").crumb("Runs", path::runs()).live();
    Answer::page(&UnderWayPage::new(frame, run, row))
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |row: RunningRow| {
        let frame = Frame::sample(Section::Runs, "A run under way");
        let run = row.run().unwrap_or(RunId::NIL);
        UnderWayPage::new(frame, run, row)
    };
    let rows = sample::running().into_iter().filter(|row| row.run().is_some());
    let names = ["run under way, of several", "run under way, another", "run under way, a third"];
    let mut samples: Vec<_> = names.iter().zip(rows).map(|(name, row)| Sample::page(name, &page(row))).collect();
    samples.push(Sample::page("run under way, ordinary", &page(sample::working(Some(sample::step_now())))));
    samples.push(Sample::page("run under way, unheard of", &page(sample::working(None))));
    samples
}
