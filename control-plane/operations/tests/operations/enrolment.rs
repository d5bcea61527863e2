//! A Runner is let in: once for a token, again for a lost answer, never for somebody else.

use contract::enrolment::Fingerprint;
use contract::{Code, EnrolResponse};
use control_plane_domain::join_token::TokenState;
use control_plane_domain::list::Page;
use control_plane_domain::runner::{CertificateState, Standing};
use control_plane_operations::{Error, Kind};

use crate::support::{ADDRESS, FakeRunner, World};

fn code(response: &EnrolResponse) -> &str {
    match response {
        EnrolResponse::Refused(refused) => Code::as_str(&refused.code),
        EnrolResponse::AwaitingApproval(_) => "waiting",
        EnrolResponse::Enrolled(_) => "enrolled",
    }
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_before_and_after_approval_and_late() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let token = world.token(&acme).await;
    let runner = FakeRunner::new(acme.id, &world.entropy, world.now());
    let ask = async || world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await;
    assert_eq!(code(&ask().await), "waiting");
    assert_eq!(code(&ask().await), "waiting");
    // The token's ten minutes are over; for this Runner it still is what it was.
    world.advance_seconds(3_600);
    assert_eq!(code(&ask().await), "waiting");
    world.ops.approve_runner(&acme.owner, runner.name.runner, &runner.fingerprint).await.unwrap();
    let first = ask().await;
    assert_eq!(code(&first), "enrolled");
    assert_eq!(ask().await, first, "a lost answer is given again, to the byte");
    assert_eq!(world.logged(&acme, "token.redeemed").await, 1);
    assert_eq!(world.logged(&acme, "runner.enrolled").await, 1);
    let EnrolResponse::Enrolled(enrolled) = first else { panic!() };
    assert_eq!((enrolled.generation, enrolled.line_address.as_str()), (1, "cp.example.org:8442"));
    let keys = world.ops.tenant_keys(acme.id).await.unwrap();
    assert_eq!(enrolled.chain[1].as_bytes(), keys.issuing_authority);
    assert_eq!((enrolled.audit_key, enrolled.witness_key), (keys.audit, keys.witness));
}

#[tokio::test]
async fn of_fifty_that_redeem_one_token_at_once_one_wins() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let token = world.token(&acme).await;
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..50_u8 {
        let runner = FakeRunner::new(acme.id, &world.entropy, world.now());
        let (ops, request) = (world.ops.clone(), runner.enrol_request(&token));
        let address = std::net::IpAddr::from([10, 0, 0, n]);
        tries.spawn(async move { code(&ops.enrol(&request, address).await).to_owned() });
    }
    let mut answers = tries.join_all().await;
    answers.sort();
    assert_eq!(answers.iter().filter(|answer| *answer == "waiting").count(), 1);
    assert_eq!(answers.iter().filter(|answer| *answer == "E-ENROL-002").count(), 49);
    let runners = world.ops.list_runners(&acme.owner, None, &Page::first()).await.unwrap();
    assert_eq!(runners.items.len(), 1);
    assert_eq!(world.logged(&acme, "token.redeemed").await, 1);
}

#[tokio::test]
async fn a_token_ends_after_ten_minutes_or_when_it_is_taken_back() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let runner = FakeRunner::new(acme.id, &world.entropy, world.now());
    let token = world.token(&acme).await;
    world.advance_seconds(600);
    assert_eq!(code(&world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await), "E-ENROL-003");

    let token = world.token(&acme).await;
    let listed = world.ops.list_tokens(&acme.owner, &Page::first()).await.unwrap().items;
    let open = listed.iter().find(|record| record.expires > world.now()).unwrap();
    world.ops.revoke_token(&acme.owner, open.id).await.unwrap();
    assert_eq!(code(&world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await), "E-ENROL-004");
    let again = world.ops.revoke_token(&acme.owner, open.id).await.unwrap_err();
    assert!(matches!(again, Error::TokenIsSpent), "{again:?}");
    let listed = world.ops.list_tokens(&acme.owner, &Page::first()).await.unwrap().items;
    assert!(listed.iter().any(|record| matches!(record.state, TokenState::Revoked { .. })));
    assert_eq!(world.logged(&acme, "token.revoked").await, 1);
}

#[tokio::test]
async fn tokens_and_statements_of_others_are_refused() {
    let world = World::new().await;
    let (acme, umbrella) = (world.tenant("acme").await, world.tenant("umbrella").await);
    let (token, other) = (world.token(&acme).await, world.token(&umbrella).await);
    let runner = FakeRunner::new(acme.id, &world.entropy, world.now());
    // A token of another tenant with keys that are stated for this one.
    assert_eq!(code(&world.ops.enrol(&runner.enrol_request(&other), ADDRESS).await), "E-ENROL-005");
    // A token that nobody made; one that names a tenant that nobody made.
    let mut made_up = runner.enrol_request(&token);
    made_up.token = contract::token::JoinToken::generate(acme.id, &world.entropy);
    assert_eq!(code(&world.ops.enrol(&made_up, ADDRESS).await), "E-ENROL-001");
    let nobody = ids::TenantId::from_parts(5, [5; 10]);
    let stranger = FakeRunner::new(nobody, &world.entropy, world.now());
    let unknown = contract::token::JoinToken::generate(nobody, &world.entropy);
    assert_eq!(code(&world.ops.enrol(&stranger.enrol_request(&unknown), ADDRESS).await), "E-ENROL-001");
    // A request over another TLS key than the one that was stated.
    let mut swapped = runner.enrol_request(&token);
    swapped.certificate_request = stranger.enrol_request(&unknown).certificate_request;
    assert_eq!(code(&world.ops.enrol(&swapped, ADDRESS).await), "E-ENROL-006");
    // None of this spent the token.
    assert_eq!(code(&world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await), "waiting");
    assert_eq!(world.ops.list_runners(&umbrella.owner, None, &Page::first()).await.unwrap().items, []);
}

#[tokio::test]
async fn only_the_fingerprint_that_was_compared_is_approved() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let token = world.token(&acme).await;
    let runner = FakeRunner::new(acme.id, &world.entropy, world.now());
    let id = runner.name.runner;
    world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await;
    let other = Fingerprint::new(crypto::digest::sha256(b"another"));
    let error = world.ops.approve_runner(&acme.owner, id, &other).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("E-OPS-020", Kind::Conflict));
    assert_eq!(world.ops.get_runner(&acme.owner, id).await.unwrap().state.standing(), Standing::Pending);
    world.ops.approve_runner(&acme.owner, id, &runner.fingerprint).await.unwrap();
    world.ops.approve_runner(&acme.owner, id, &runner.fingerprint).await.unwrap();
    assert_eq!(world.logged(&acme, "runner.approved").await, 1, "approving twice is approving");
    // A Runner that was shut out stays out.
    let why: proof::text::FreeText = "left behind".parse().unwrap();
    world.ops.revoke_runner(&acme.owner, id, why.clone()).await.unwrap();
    assert_eq!(code(&world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await), "E-ENROL-008");
    let error = world.ops.approve_runner(&acme.owner, id, &runner.fingerprint).await.unwrap_err();
    assert!(matches!(error, Error::RunnerIs(Standing::Revoked)));
    let error = world.ops.revoke_runner(&acme.owner, id, why).await.unwrap_err();
    assert!(matches!(error, Error::RunnerIs(Standing::Revoked)));
}

#[tokio::test]
async fn guesses_at_tokens_are_slowed_and_waiting_for_approval_is_not() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let token = world.token(&acme).await;
    let runner = FakeRunner::new(acme.id, &world.entropy, world.now());
    for _ in 0..100 {
        assert_eq!(code(&world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await), "waiting");
    }
    let mut guess = runner.enrol_request(&token);
    let mut codes = Vec::new();
    for _ in 0..25 {
        guess.token = contract::token::JoinToken::generate(acme.id, &world.entropy);
        codes.push(code(&world.ops.enrol(&guess, ADDRESS).await).to_owned());
    }
    assert_eq!(codes.iter().filter(|code| *code == "E-ENROL-001").count(), 20);
    assert_eq!(codes.iter().filter(|code| *code == "E-ENROL-011").count(), 5);
    world.advance_seconds(60);
    assert_eq!(code(&world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await), "waiting");
}

#[tokio::test]
async fn a_runner_that_was_kept_out_comes_again_and_nobody_else_under_its_id() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    world.connected(&mut runner).await;
    let id = runner.name.runner;
    let token = world.token(&acme).await;
    let asks =
        async |runner: &FakeRunner| code(&world.ops.enrol(&runner.enrol_request(&token), ADDRESS).await).to_owned();
    world.ops.revoke_runner(&acme.owner, id, "copied".parse().unwrap()).await.unwrap();
    assert_eq!(asks(&runner).await, "E-ENROL-007", "with the TLS key that was copied");
    runner.ask_anew(Some(&crypto::p256::SigningKey::generate(&world.entropy)));
    assert_eq!(asks(&runner).await, "E-ENROL-007", "somebody else under its id");
    runner.ask_anew(None);
    assert_eq!(asks(&runner).await, "waiting");
    world.ops.approve_runner(&acme.owner, id, &runner.fingerprint).await.unwrap();
    assert_eq!(asks(&runner).await, "enrolled");
}

#[tokio::test]
async fn an_expired_runner_recovers_with_the_key_it_had() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    world.connected(&mut runner).await;
    world.advance_seconds(3 * 86_400);
    let recovered = world.ops.recover(&runner.recover_request(world.now()), ADDRESS).await;
    assert_eq!(code(&recovered), "enrolled");
    assert_eq!(world.ops.recover(&runner.recover_request(world.now()), ADDRESS).await, recovered, "a lost answer");
    assert_eq!(world.logged(&acme, "runner.recovered").await, 1);
    let EnrolResponse::Enrolled(enrolled) = recovered else { panic!() };
    assert_eq!(enrolled.generation, 2);
    runner.take(&enrolled.chain, enrolled.generation);
    world.connected(&mut runner).await;
    assert_eq!(world.ops.get_runner(&acme.owner, runner.name.runner).await.unwrap().generation, 2);
}

#[tokio::test]
async fn a_certificate_that_was_never_used_recovers_and_a_lost_answer_strands_nobody() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    // Enrolled, and then off for days.
    world.advance_seconds(3 * 86_400);
    let lost = world.ops.recover(&runner.recover_request(world.now()), ADDRESS).await;
    assert_eq!(code(&lost), "enrolled");
    // The answer was lost and the program restarted: another request over the same key, with the certificate it has.
    let recovered = world.ops.recover(&runner.recover_request(world.now()), ADDRESS).await;
    assert_eq!(code(&recovered), "enrolled");
    assert_eq!(world.logged(&acme, "runner.locked").await, 0);
    assert_eq!(world.logged(&acme, "runner.certificate_activated").await, 1);
    let EnrolResponse::Enrolled(enrolled) = recovered else { panic!() };
    runner.take(&enrolled.chain, enrolled.generation);
    world.connected(&mut runner).await;
    assert_eq!(world.ops.get_runner(&acme.owner, runner.name.runner).await.unwrap().generation, enrolled.generation);
}

#[tokio::test]
async fn recovery_needs_the_certificate_its_key_and_the_attestation_key() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    world.connected(&mut runner).await;
    let stranger = world.runner(&acme).await;
    let good = runner.recover_request(world.now());
    let theirs = stranger.recover_request(world.now());
    let mut request = good.clone();
    request.certificate_request = theirs.certificate_request.clone();
    assert_eq!(code(&world.ops.recover(&request, ADDRESS).await), "E-ENROL-021");
    let mut request = good.clone();
    request.statement = theirs.statement.clone();
    assert_eq!(code(&world.ops.recover(&request, ADDRESS).await), "E-ENROL-022");
    let mut request = good.clone();
    request.certificate = contract::DerCertificate::new(vec![0x30, 0]).unwrap();
    assert_eq!(code(&world.ops.recover(&request, ADDRESS).await), "E-ENROL-020");
    // A statement of yesterday.
    world.advance_seconds(86_400);
    assert_eq!(code(&world.ops.recover(&good, ADDRESS).await), "E-ENROL-022");
    // Shut out stays shut out.
    world.ops.revoke_runner(&acme.owner, runner.name.runner, "stolen".parse().unwrap()).await.unwrap();
    let request = runner.recover_request(world.now());
    assert_eq!(code(&world.ops.recover(&request, ADDRESS).await), "E-ENROL-008");
    assert_eq!(world.logged(&acme, "runner.recovered").await, 0);
    assert_eq!(CertificateState::Current.as_str(), "current");
}
