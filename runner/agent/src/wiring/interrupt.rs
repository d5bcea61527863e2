//! Ctrl-C, `kill` and a terminal that goes away, while a run is under way.
//!
//! What a step has started must not outlive the Runner, and the system's own answer to these signals would end the
//! Runner before it can see to that. So they are caught from the first collection on: the step is dropped, which kills
//! its processes, and the run stays in the store as it is, for `resume`.

use std::sync::OnceLock;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::fail::{Exit, Fail};

/// Code of the error that says so. Whoever goes from run to run stops at it.
pub(crate) const CODE: &str = "E-RUN-019";

/// The first signal that came, if any.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(watch::Receiver<Option<&'static str>>);

impl Interrupt {
    /// Catches the signals from now on; signals are the process's, so all callers share one listener. Whoever sends a
    /// second one does not want to wait: then the process ends at once.
    pub(crate) fn listen() -> Result<Self, Fail> {
        static LISTENER: OnceLock<Interrupt> = OnceLock::new();
        if let Some(known) = LISTENER.get() {
            return Ok(known.clone());
        }
        let (tell, seen) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(no_listener)?;
        let caught = runtime.block_on(async { Caught::new() }).map_err(no_listener)?;
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || runtime.block_on(caught.tell(&tell))).map_err(no_listener)?;
        Ok(LISTENER.get_or_init(|| Self(seen)).clone())
    }

    /// Ends when a signal has come, with what to say of the run.
    pub(crate) async fn came(&mut self) -> Fail {
        // The sender lives as long as the process: its thread ends only with it.
        let name = self.0.wait_for(Option::is_some).await.ok().and_then(|name| *name).unwrap_or("a signal");
        Fail::fault(
            CODE,
            format_args!("interrupted by {name}; what was collected is stored, and the run is not finished"),
            "`proctor-runner resume` goes on with it, `proctor-runner cancel RUN` ends it",
        )
    }
}

struct Caught(Vec<(&'static str, Signal)>);

impl Caught {
    /// A signal that whoever started the Runner has it ignore, as `nohup` does, stays ignored.
    fn new() -> std::io::Result<Self> {
        let ignored = ignored();
        let wanted = [
            ("SIGINT", SignalKind::interrupt()),
            ("SIGTERM", SignalKind::terminate()),
            ("SIGHUP", SignalKind::hangup()),
        ];
        let wanted = wanted.into_iter().filter(|(_, kind)| ignored >> (kind.as_raw_value() - 1) & 1 == 0);
        wanted.map(|(name, kind)| Ok((name, signal(kind)?))).collect::<std::io::Result<_>>().map(Self)
    }

    async fn tell(mut self, tell: &watch::Sender<Option<&'static str>>) {
        let _ = tell.send(Some(self.next().await));
        self.next().await;
        std::process::exit(Exit::Fault as i32);
    }

    async fn next(&mut self) -> &'static str {
        std::future::poll_fn(|context| {
            let mut signals = self.0.iter_mut();
            let came = signals.find_map(|(name, signal)| signal.poll_recv(context).is_ready().then_some(*name));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Bit `n - 1` stands for signal `n`.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function to map errors with")]
fn no_listener(error: std::io::Error) -> Fail {
    Fail::fault("E-RUN-029", format_args!("signals cannot be caught: {error}"), "see open files and memory")
}
