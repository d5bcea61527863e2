//! What a verifier gets: exact bytes, and a bundle that verifies.

use super::reported;
use super::reporter::run_id;
use crate::tests::console::browser::code_of;
use crate::tests::harness::fixture;

#[tokio::test]
async fn manifest_and_attestation_are_the_exact_bytes() {
    let fixture = fixture().await;
    let _reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let run = run_id(2);
    let manifest = browser.get(&format!("/runs/{run}/manifest")).await;
    assert_eq!(manifest.headers["content-type"], "application/jsonl");
    let read = proof::manifest::parse(&manifest.bytes).unwrap();
    assert_eq!(read.run.run, run);
    let attestation = browser.get(&format!("/runs/{run}/attestation")).await;
    assert_eq!(attestation.headers["content-type"], "application/vnd.dsse.envelope.v1+json");
    let name = attestation.headers["content-disposition"].to_str().unwrap();
    assert_eq!(name, format!("attachment; filename=\"{run}.attestation.dsse.json\""));
    assert!(proof::dsse::Envelope::parse(&attestation.bytes, attestation.bytes.len()).is_ok());
}

#[tokio::test]
async fn a_bundle_is_there_when_the_journal_was_witnessed() {
    let fixture = fixture().await;
    let mut reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let path = format!("/runs/{}/bundle", run_id(2));
    let refused = browser.get(&path).await;
    assert_eq!((refused.status.as_u16(), code_of(&refused).as_str()), (409, "E-OPS-070"));
    reporter.checkpoint().await;
    let bundle = browser.get(&path).await;
    assert_eq!(bundle.status, 200, "{}", bundle.text());
    assert_eq!(bundle.headers["content-type"], "application/zip");
    let name = bundle.headers["content-disposition"].to_str().unwrap();
    assert_eq!(name, format!("attachment; filename=\"{}.proof.zip\"", run_id(2)));
    assert!(bundle.bytes.starts_with(b"PK"));
    reporter.install(None).await;
    let refused = browser.get(&path).await;
    assert_eq!((refused.status.as_u16(), code_of(&refused).as_str()), (409, "E-OPS-071"));
}
