use std::sync::Arc;

use contract::token::JoinToken;

use super::control_plane::ControlPlane;
use super::pki::{ServerCa, Tls};
use super::{clock, direct, entropy, shared};
use crate::enrolment::{Application, EnrolmentEnd, EnrolmentNews, Patience, enrol};
use crate::error::LinkError;
use crate::identity::Identity;
use crate::identity::tests::{keys, name};
use crate::session::samples::envelope;
use crate::trust::Trust;

struct Place {
    control_plane: Arc<ControlPlane>,
    application: Application,
    tls: Tls,
    token: JoinToken,
}

async fn place() -> Place {
    let control_plane = ControlPlane::new(&clock());
    let tls = Tls::new();
    let address = control_plane.serve_enrolment(&tls).await;
    let application = Application::new(name(), address, Trust::pinned(tls.ca.pin), &entropy());
    let token = JoinToken::generate(name().tenant, &entropy());
    Place { control_plane, application: application.with_statement(envelope()), tls, token }
}

async fn ask(place: &Place, application: &Application, patience: Patience) -> (Result<EnrolmentEnd, LinkError>, usize) {
    let mut waits = 0;
    let mut say = |news: EnrolmentNews<'_>| {
        waits += usize::from(matches!(news, EnrolmentNews::AwaitingApproval { .. }));
    };
    let end = enrol(application, &place.token, &direct(), shared(&clock()), &entropy(), patience, &mut say).await;
    (end, waits)
}

fn again(application: &Application) -> Application {
    Application::from_bytes(&application.to_bytes(), &entropy()).unwrap()
}

#[tokio::test]
async fn a_runner_waits_for_approval_and_is_let_in() {
    let place = place().await;
    place.control_plane.state().awaiting = 1;
    let (end, waits) = ask(&place, &place.application, Patience::UntilApproved).await;
    let Ok(EnrolmentEnd::Enrolled(identity)) = end else { panic!("{end:?}") };
    assert_eq!(waits, 1);
    assert_eq!((identity.name(), identity.generation()), (name(), 1));
    assert_eq!(identity.tls_key_digest(), place.application.tls_key_digest());
    assert_eq!(identity.control_plane(), &keys());
    let Trust::Pinned { authority, .. } = identity.trust() else { panic!() };
    assert_eq!(authority.as_ref(), Some(&place.tls.ca.der), "the authority is kept once it was seen");
    let read = Identity::from_bytes(&identity.to_bytes(), &entropy()).unwrap();
    assert_eq!(read.trust(), identity.trust());
    assert!(identity.chain_pem().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[tokio::test]
async fn a_repeated_command_sends_the_same_request() {
    let place = place().await;
    place.control_plane.state().awaiting = 1;
    let (end, _) = ask(&place, &place.application, Patience::AskOnce).await;
    assert!(matches!(end, Ok(EnrolmentEnd::AwaitingApproval)));
    let (end, _) = ask(&place, &again(&place.application), Patience::AskOnce).await;
    assert!(matches!(end, Ok(EnrolmentEnd::Enrolled(_))));
    let state = place.control_plane.state();
    assert_eq!(state.enrolments[0], state.enrolments[1]);
}

#[tokio::test]
async fn a_refusal_says_the_control_planes_code() {
    let place = place().await;
    place.control_plane.state().refusal = Some("E-ENROL-003");
    let (end, _) = ask(&place, &place.application, Patience::UntilApproved).await;
    assert_eq!(end.unwrap_err(), LinkError::EnrolmentRefused { code: "E-ENROL-003".to_owned() });
}

#[tokio::test]
async fn the_token_is_shown_to_nobody_but_the_pinned_control_plane() {
    let place = place().await;
    let trust = Trust::pinned(ServerCa::new().pin);
    let wrong = Application::new(name(), place.application.address().clone(), trust, &entropy());
    let (end, _) = ask(&place, &wrong.with_statement(envelope()), Patience::UntilApproved).await;
    assert_eq!(end.unwrap_err().code(), "E-LINK-011");
    assert!(place.control_plane.state().enrolments.is_empty());
}

#[tokio::test]
async fn an_application_without_a_statement_is_not_sent() {
    let place = place().await;
    let bare = Application::new(name(), place.application.address().clone(), Trust::System, &entropy());
    assert!(again(&bare).statement().is_err());
    let (end, _) = ask(&place, &bare, Patience::AskOnce).await;
    assert_eq!(end.unwrap_err().code(), "E-LINK-070");
}
