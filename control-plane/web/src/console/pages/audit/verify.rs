//! The audit log is verified now: each step appears in the page when it is done, green or red, without script. Nothing
//! that is found is an error of the page: a broken log is what it is there to show.

use askama::Template;
use bytes::Bytes;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_operations::{AuditCheck, AuditOutcome, AuditStep, AuditStepId, Error, Operations};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::path;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::stream::Cut;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/audit/verify",
    name: "audit.verify",
    access: Access::Permitted(&[Permission::AuditList], |visit| Box::pin(verify(visit))),
    query: &[],
    takes: Takes::Nothing,
}];

/// Where the steps and what they come to are written into the page. No text in it can hold these: a page escapes `<`.
const STEPS: &str = "<!--steps-->";
const END: &str = "<!--end-->";

#[derive(Template)]
#[template(path = "page/audit_verify.html")]
struct VerifyPage {
    frame: Frame,
}

/// A line of the list of steps.
#[derive(Template)]
#[template(path = "part/audit_step.html")]
struct StepPart<'s> {
    class: &'static str,
    word: &'static str,
    title: &'static str,
    detail: &'s str,
}

/// What all steps come to.
#[derive(Template)]
#[template(path = "part/audit_end.html")]
struct EndPart {
    end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Holds,
    /// What was judged holds, and not all could be.
    InPart,
    Broken,
    Failed(String),
}

impl End {
    /// What all steps come to after one more.
    fn after(self, check: &AuditCheck) -> Self {
        let AuditCheck::Step(AuditStep { outcome, .. }) = check else { return self };
        match (outcome, self) {
            (AuditOutcome::Broken, _) | (_, Self::Broken) => Self::Broken,
            (AuditOutcome::NotJudged, Self::Holds) => Self::InPart,
            (_, before) => before,
        }
    }
}

async fn verify(visit: &Visit) -> Result<Answer, Trouble> {
    // Each holds a connection of the database until it ends: a tenant has one at a time, and nobody queues.
    let place = visit.web().verification(visit.caller())?;
    let frame = visit.frame(Section::Audit, "Verify the audit log").crumb("Audit log", path::audit());
    let page = VerifyPage { frame }.render().map_err(Trouble::invalid)?;
    let cut = |text: &str, mark| text.split_once(mark).map(|(a, b)| (a.to_owned(), b.to_owned()));
    let (head, rest) = cut(&page, STEPS).ok_or_else(|| Trouble::invalid("the page has no place for its steps"))?;
    let (middle, tail) = cut(&rest, END).ok_or_else(|| Trouble::invalid("the page has no place for its end"))?;
    // Nobody who reads slowly is waited for: the steps gather here.
    let (sender, receiver) = mpsc::unbounded_channel();
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    tokio::spawn(async move {
        // A reader who goes away ends the walk, also while a step is a long time coming.
        let end = tokio::select! {
            end = walk(&operations, &caller, &sender) => end,
            () = sender.closed() => return,
        };
        drop(place);
        let text = format!("{middle}{}", EndPart { end }.render().unwrap_or_default());
        // A page that nobody reads any more needs no end.
        drop(sender.send(text));
    });
    let steps = stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((Ok::<_, Cut>(Bytes::from(piece)), receiver))
    });
    let pieces = stream::iter([Ok(Bytes::from(head))]).chain(steps).chain(stream::iter([Ok(Bytes::from(tail))]));
    Ok(Answer::stream("text/html; charset=utf-8", None, visit.streamed(None, pieces)))
}

/// Walks through the log, says each step, and what they come to.
async fn walk(operations: &Operations, caller: &Caller, page: &mpsc::UnboundedSender<String>) -> End {
    let mut verification = match operations.verify_audit_log(caller).await {
        Ok(verification) => verification,
        Err(error) => return End::Failed(said(&error)),
    };
    let mut end = End::Holds;
    loop {
        match verification.next().await {
            Ok(Some(check)) => {
                end = end.after(&check);
                if page.send(line(&check)).is_err() {
                    return End::Failed("nobody waits for it".to_owned());
                }
            }
            Ok(None) => return end,
            Err(error) => return End::Failed(said(&error)),
        }
    }
}

fn said(error: &Error) -> String {
    format!("{error} ({}): {}", error.code(), error.next_step())
}

/// What one step comes to, as a line of the page.
fn line(check: &AuditCheck) -> String {
    let part = match check {
        AuditCheck::Progress { checked, of } => {
            let detail = format!("{checked} of {of} records");
            return StepPart { class: "wait", word: "reading", title: "", detail: &detail }
                .render()
                .unwrap_or_default();
        }
        AuditCheck::Step(AuditStep { id, outcome, detail }) => {
            let (class, word) = match outcome {
                AuditOutcome::Holds => ("good", "holds"),
                AuditOutcome::Broken => ("bad", "broken"),
                AuditOutcome::NotJudged => ("wait", "not judged"),
            };
            StepPart { class, word, title: title(*id), detail }
        }
    };
    part.render().unwrap_or_default()
}

/// What a step looks at.
const fn title(id: AuditStepId) -> &'static str {
    match id {
        AuditStepId::Records => "Every record can be read, and names the hash of the one before it",
        AuditStepId::Tree => "The Merkle tree that is kept is the one over these records",
        AuditStepId::Head => "No record is missing at the end",
        AuditStepId::Checkpoints => "Every checkpoint that was signed fits these records",
        AuditStepId::Cosignatures => "Every checkpoint that a Runner countersigned fits these records",
        AuditStepId::Signature => "The newest checkpoint is signed with the key of this log",
        AuditStepId::Witnesses => {
            "The Runners' signatures under the newest countersigned checkpoint verify with the keys that were approved"
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let page = VerifyPage { frame: Frame::sample(Section::Audit, "Verify the audit log") };
    let with = |name, checks: &[AuditCheck], end: End| {
        let steps: String = checks.iter().map(line).collect();
        let html = page.render().unwrap().replace(STEPS, &steps).replace(END, &EndPart { end }.render().unwrap());
        Sample { name, html }
    };
    let step = |id, outcome, detail: &str| AuditCheck::Step(AuditStep { id, outcome, detail: detail.to_owned() });
    let all: Vec<AuditCheck> = AuditStepId::ALL.iter().map(|id| step(*id, AuditOutcome::Holds, "12 of them")).collect();
    vec![
        with("verify the audit log, it holds", &all, End::Holds),
        with(
            "verify the audit log, it is broken",
            &[
                AuditCheck::Progress { checked: 10_000, of: 20_000 },
                step(AuditStepId::Records, AuditOutcome::Broken, HOSTILE),
                step(AuditStepId::Tree, AuditOutcome::NotJudged, ""),
            ],
            End::Broken,
        ),
        with(
            "verify the audit log, without a countersignature",
            &[
                step(AuditStepId::Records, AuditOutcome::Holds, "12 of them"),
                step(AuditStepId::Witnesses, AuditOutcome::NotJudged, "no Runner has countersigned a checkpoint yet"),
            ],
            End::InPart,
        ),
        with("verify the audit log, it failed", &[], End::Failed(HOSTILE.to_owned())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_judged_is_not_said_to_hold() {
        use AuditOutcome::{Broken, Holds, NotJudged};
        let end = |outcomes: &[AuditOutcome]| {
            let step = |outcome: &AuditOutcome| {
                AuditCheck::Step(AuditStep { id: AuditStepId::Records, outcome: *outcome, detail: String::new() })
            };
            let checks = [AuditCheck::Progress { checked: 1, of: 2 }].into_iter().chain(outcomes.iter().map(step));
            checks.fold(End::Holds, |end, check| end.after(&check))
        };
        assert_eq!(end(&[Holds, Holds]), End::Holds);
        assert_eq!(end(&[Holds, NotJudged, Holds]), End::InPart);
        assert_eq!(end(&[Broken, NotJudged, Holds]), End::Broken);
        assert_eq!(end(&[NotJudged, Broken]), End::Broken);
    }
}
