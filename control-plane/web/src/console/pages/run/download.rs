//! What a verifier needs of a run: its proof bundle, its manifest and its attestation, exact bytes.

use control_plane_domain::policy::Permission;
use ids::RunId;

use crate::console::answer::Answer;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/runs/{run}/bundle",
        name: "run.bundle",
        access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(bundle(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/runs/{run}/manifest",
        name: "run.manifest",
        access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(manifest(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/runs/{run}/attestation",
        name: "run.attestation",
        access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(attestation(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
];

async fn bundle(visit: &Visit) -> Result<Answer, Trouble> {
    let run = visit.path::<RunId>("run", "run")?;
    let place = visit.download()?;
    let bundle = visit.operations().run_bundle(visit.caller(), run).await?;
    Ok(Answer::file("application/zip", &bundle.file_name, bundle.bytes).keeping(place))
}

async fn manifest(visit: &Visit) -> Result<Answer, Trouble> {
    let run = visit.path::<RunId>("run", "run")?;
    let place = visit.download()?;
    let report = visit.operations().run_report(visit.caller(), run).await?;
    Ok(Answer::file("application/jsonl", &format!("{run}.manifest.jsonl"), report.manifest).keeping(place))
}

async fn attestation(visit: &Visit) -> Result<Answer, Trouble> {
    let run = visit.path::<RunId>("run", "run")?;
    let place = visit.download()?;
    let report = visit.operations().run_report(visit.caller(), run).await?;
    let media = "application/vnd.dsse.envelope.v1+json";
    Ok(Answer::file(media, &format!("{run}.attestation.dsse.json"), report.attestation).keeping(place))
}
