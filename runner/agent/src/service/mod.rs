//! The service: opens the store once and keeps it, executes what is due or asked for, reports over the line, answers
//! drill-downs, takes commands in, and says how it is.
//!
//! `work` decides what is done next and `hands` has the threads; `line` answers what the link asks; `http` and `notify`
//! tell monitors and systemd what stands on the `board`. All share one store and hold it for short pieces of work.

mod board;
mod condition;
mod hands;
mod http;
mod job;
mod joining;
mod line;
mod logs;
mod metrics;
mod missed;
mod notify;
mod under_way;
mod work;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, SystemClock};
use runner_disclosure::drilldown::Gate;
use runner_link::{Finished, Handle, Link, LinkState};
use tokio::sync::Notify;

use crate::config::Config;
use crate::fail::{Exit, Fail};
use crate::local;
use crate::output::Output;
use crate::place::Place;
use crate::wiring::interrupt::Interrupt;
use crate::wiring::runner::{Mode, Runner, absolute};

pub(crate) use board::{Board, line as line_state, word};
pub(crate) use missed::settle;
pub(crate) use work::current;

/// A thread that hands out work and was not seen for so long is stuck.
const STUCK_MS: u64 = 2 * 60 * 1000;
/// Another process has the store open, and how long that is waited for.
const IN_USE: &str = "E-VAULT-003";
const IN_USE_PATIENCE: Duration = Duration::from_secs(3);
/// The line says goodbye within this.
const GOODBYE: Duration = Duration::from_secs(5);

/// Runs until a signal comes.
pub(crate) fn run(place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&absolute(place)?)?;
    config.serve.check()?;
    let listen = config.health.address()?;
    logs::begin(config.serve.log);
    quiet_panics();
    let mut runner = open(&Place { out: Output::log(), ..place.clone() })?;
    let gate = Gate::new(runner.config.drilldowns.policy(&runner.dir)?, Arc::clone(&runner.clock));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Fail::fault("E-SERVICE-004", error, "see the limits of the service"))?;
    let interrupt = Interrupt::listen()?;
    let board = Arc::new(Board::new(runner.clock.now()));
    runner.board = Some(Arc::clone(&board));
    let (events, heard) = hands::events();
    let refusals = line::Refusals::starting(runner.clock.now());
    let (out, queued) = (line::Out::default(), hands::Queued::default());
    let shared = hands::Shared { runner, board, events, out, queued, refusals, under_way: under_way::Runs::default() };
    // Whatever the health listener needs comes before anything is begun.
    let listener = listen.map(|address| runtime.block_on(http::bind(address))).transpose()?;
    let service = Service { shared: shared.clone(), ended: Arc::new(Notify::new()) };
    let tell = shared.events.clone();
    // Nobody hears it where the service ends.
    let changed: Arc<dyn Fn() + Send + Sync> = Arc::new(move || drop(tell.send(hands::Event::Changed)));
    let ended = Arc::clone(&service.ended);
    let hands = hands::Hands::start(shared.clone(), heard, move || ended.notify_one())?;
    let commands = local::listen(&shared.runner, changed)?;
    let done = runtime.block_on(service.until_told(interrupt, gate, listener));
    drop(commands);
    let stopped = hands.stop();
    // Answers under way hold nothing that is not durable; their receipts are written at the next start.
    runtime.shutdown_timeout(GOODBYE);
    tracing::info!("the service has ended");
    done.and(stopped).map(|()| Exit::Pass)
}

/// Opens the store. A command may have it for a moment; another service keeps it.
fn open(place: &Place) -> Result<Runner, Fail> {
    let clock = SystemClock::new();
    loop {
        match Runner::open(place, Mode::Write) {
            Err(fail) if fail.code == IN_USE && u128::from(clock.monotonic_ms()) < IN_USE_PATIENCE.as_millis() => {
                std::thread::sleep(IN_USE_PATIENCE / 30);
            }
            opened => return opened,
        }
    }
}

struct Service {
    shared: hands::Shared,
    /// The thread that hands out work has ended by itself.
    ended: Arc<Notify>,
}

impl Service {
    async fn until_told(
        &self,
        mut interrupt: Interrupt,
        gate: Gate,
        listener: Option<tokio::net::TcpListener>,
    ) -> Result<(), Fail> {
        let (runner, board) = (&self.shared.runner, &self.shared.board);
        if let Some(listener) = listener {
            tokio::spawn(http::answer(listener, Arc::clone(board), Arc::clone(&runner.clock)));
        }
        tokio::spawn(notify::keep_telling(Arc::clone(board), Arc::clone(&runner.clock)));
        let line = tokio::spawn(on_the_line(self.shared.clone(), gate));
        notify::ready();
        tracing::info!(runner = %runner.identity.runner, tenant = %runner.identity.tenant, "the service has started");
        tokio::select! {
            _ = interrupt.came() => tracing::info!("told to stop"),
            () = self.ended.notified() => tracing::error!(code = "E-SERVICE-003", "work is no longer handed out"),
        }
        notify::stopping();
        if let Some(handle) = self.shared.out.handle() {
            handle.shut_down();
            // A control plane that does not answer is not waited for.
            let _ = tokio::time::timeout(GOODBYE, line).await;
        }
        Ok(())
    }
}

/// Keeps the line up, as soon as this Runner is enrolled.
async fn on_the_line(shared: hands::Shared, gate: Gate) {
    let identity = match joining::identity(&shared).await {
        Ok(Some(identity)) => identity,
        Ok(None) => return tracing::info!("not enrolled: schedules only"),
        Err(fail) => return shared.board.no_line(fail),
    };
    let runner = &shared.runner;
    let dialer = match runner.config.control_plane.dialer(&runner.dir) {
        Ok(dialer) => dialer,
        Err(fail) => return shared.board.no_line(fail),
    };
    shared.board.metrics.identity(identity.not_after());
    let duties = Arc::new(line::Line::new(shared.clone(), gate));
    let (link, handle) = Link::new(identity, duties, dialer, Arc::clone(&runner.clock), runner.entropy.clone());
    shared.out.connect(handle.clone());
    tokio::spawn(watch(shared.clone(), handle));
    match link.run().await {
        Finished::ShutDown => {}
        Finished::Stopped(error) => {
            tracing::error!(code = error.code(), next = error.next_step(), "the line has ended until somebody acts");
        }
    }
}

/// Puts every state of the line on the board; the link itself logs it.
async fn watch(shared: hands::Shared, handle: Handle) {
    let mut states = handle.state();
    loop {
        let state = states.borrow_and_update().clone();
        if let LinkState::Connected { not_after, .. } = &state {
            shared.board.metrics.identity(*not_after);
        }
        shared.board.note(|facts| facts.line = Some(state));
        if states.changed().await.is_err() {
            // A line that ends shows that; this one failed.
            if !matches!(*states.borrow(), LinkState::Off | LinkState::Stopped { .. }) {
                let next = "start the service again; please report this";
                shared.board.no_line(Fail::fault("E-SERVICE-005", "the line failed", next));
            }
            return;
        }
    }
}

/// Says where the program failed and not with which words: those may quote evidence.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(code = "E-SERVICE-005", place, "the program failed; please report this");
    }));
}
