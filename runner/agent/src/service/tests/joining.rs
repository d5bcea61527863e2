use std::time::Duration;

use contract::token::{CaPin, JoinToken};
use crypto::{Digest, Secret};
use runner_disclosure::drilldown::Gate;
use runner_disclosure::policy::Policy;
use runner_link::{LinkState, Trust};

use super::*;
use crate::service::{joining, on_the_line};
use crate::wiring::enrolment;

fn bench() -> Bench {
    Bench { tenant: TenantId::from_parts(1, [3; 10]), ..Bench::at("2026-11-22T09:30:00.000Z") }
}

#[tokio::test]
async fn a_control_plane_that_is_away_is_asked_again_and_the_board_says_so() {
    let bench = bench();
    let running = bench.start();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let token = JoinToken::generate(bench.tenant, &SystemEntropy::new());
    let (address, trust) = (gone.to_string().parse().unwrap(), Trust::pinned(CaPin(Digest::ZERO)));
    enrolment::apply(running.runner(), token, address, trust, "office".parse().unwrap()).unwrap();
    let said = async {
        loop {
            match running.shared.board.facts().line {
                Some(LinkState::Waiting { why, .. }) => return why.code,
                Some(other) => panic!("{other:?}"),
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::select! {
        joined = joining::identity(&running.shared) => panic!("it is over: {:?}", joined.map(|_| ())),
        code = tokio::time::timeout(Duration::from_secs(20), said) => {
            assert_eq!(code.expect("the board says nothing"), "E-LINK-003");
        }
    }
}

#[tokio::test]
async fn the_board_says_why_there_is_no_line() {
    let bench = bench();
    let running = bench.start();
    let nothing = Secret::new(b"nothing".to_vec());
    running.runner().store.with(|store| store.set_link_identity(&nothing)).unwrap();
    let gate = Gate::new(Policy::default(), Arc::clone(&running.clock) as Arc<dyn Clock>);
    on_the_line(running.shared.clone(), gate).await;
    let board = &running.shared.board;
    assert_eq!(board.facts().no_line.expect("a reason").code, "E-JOIN-010");
    assert_eq!(board.readiness(running.clock.now()).why, ["line_stopped"]);
}

#[test]
fn a_run_that_waits_for_a_person_is_on_the_board() {
    let bench = bench();
    let mut running = bench.start();
    let run = ids::RunId::from_parts(1, [9; 10]);
    running.work.done(&Job::GoOn(run), &Done::Parked { run, until: None }).unwrap();
    running.work.look().unwrap();
    assert_eq!(running.shared.board.facts().asking, 1);
}
