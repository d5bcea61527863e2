//! `serve`: the service.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, SystemClock};
use control_plane_authority::{RunnerVerifier, tls};
use control_plane_gateway::Gateway;
use control_plane_web::Web;
use crypto::SystemEntropy;
use terminal::{Exit, Fail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, DatabaseConfig};
use crate::place::Place;
use crate::serving::{certificates::Certificates, health::Health, logs, metrics::Metrics, observe, upkeep};
use crate::wiring::open;

/// Serve people and Runners until SIGTERM or Ctrl-C.
///
/// Logs go to standard error. Under systemd it says when it is ready and answers the watchdog.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-control-plane serve
  proctor-control-plane --dir ./cp serve")]
pub(crate) struct Args {}

/// How long streams may take to end once the service was told to stop.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) fn execute(_: &Args, place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&place.dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fail::fault("E-SERVE-001", error, "check the limits of threads and open files"))?;
    runtime.block_on(async {
        let logs = logs::start(&config.log, &config.traces)?;
        let served = serve(&config, place).await;
        drop(logs);
        served
    })
}

async fn serve(config: &Config, place: &Place) -> Result<Exit, Fail> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let certificates = Arc::new(Certificates::open(config, &place.dir, clock.now())?);
    let operations = open::operations(config, Arc::clone(&clock)).await?;
    open::check_root_key(&operations).await?;
    operations.refresh_trust().await.map_err(|error| open::operation(&error))?;
    let trusted = Arc::clone(operations.authority().trusted());
    let health = Arc::new(Health::new(Arc::clone(&certificates), Arc::clone(&clock), written_folder(config, place)));
    health.database(true);
    let gateway = Gateway::new(
        operations.clone(),
        Arc::clone(&trusted),
        Arc::clone(&clock),
        Arc::new(SystemEntropy::new()),
        control_plane_gateway::Limits::default(),
    );
    let listeners = Listeners::bind(config).await?;
    // The ports are ours, so this is not a second process beside one that has sessions.
    operations.forget_sessions().await.map_err(|error| open::operation(&error))?;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();

    let verifier = RunnerVerifier::new(Arc::clone(&trusted), Arc::clone(&clock));
    let line = tls::line(&certificates.line, &verifier, Arc::clone(&clock)).map_err(|error| refused(&error))?;
    let enrolment = tls::enrolment(&certificates.enrolment, Arc::clone(&clock)).map_err(|error| refused(&error))?;
    let web = tls::web(&certificates.web, Arc::clone(&clock)).map_err(|error| refused(&error))?;
    let api = Web::new(operations.clone(), open::web_settings(config, certificates.pin)?);
    let metrics = Arc::new(Metrics::new(gateway.counters(), Arc::clone(&api), Arc::clone(&health)));
    spawn(&mut tasks, control_plane_gateway::serve_line(listeners.line, line, Arc::clone(&gateway), stop.clone()));
    spawn(&mut tasks, control_plane_gateway::serve_enrolment(listeners.enrolment, enrolment, gateway, stop.clone()));
    spawn(&mut tasks, control_plane_web::serve(listeners.web, web, api, stop.clone()));
    spawn(&mut tasks, observe::serve(listeners.metrics, metrics, Arc::clone(&health), stop.clone()));
    keep_up(&mut tasks, upkeep::sweep(operations.clone(), Arc::clone(&health), stop.clone()));
    keep_up(&mut tasks, upkeep::bookkeeping(operations.clone(), stop.clone()));
    keep_up(&mut tasks, upkeep::authorities(operations.clone(), stop.clone()));
    keep_up(&mut tasks, upkeep::certificates(certificates, clock, stop.clone()));
    keep_up(&mut tasks, watchdog(stop.clone()));
    tracing::info!(web = %config.web.listen, console = config.console_url(), enrolment = config.enrolment_address(), line = config.line_address(), "serving");
    tell_systemd(&[sd_notify::NotifyState::Ready]);

    let ended = until_told(&mut tasks).await;
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping");
    stop.cancel();
    let rest = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, rest).await.is_err() {
        tracing::warn!("connections were still open after {} s and are cut", GRACE.as_secs());
    }
    upkeep::at_the_end(&operations).await;
    ended.map(|()| Exit::Pass)
}

/// Where this process writes: beside a database that is a file, or else into the control plane's own folder.
fn written_folder(config: &Config, place: &Place) -> PathBuf {
    let beside = match &config.database {
        DatabaseConfig::Sqlite { path } => path.parent().filter(|folder| !folder.as_os_str().is_empty()),
        DatabaseConfig::Postgres { .. } => None,
    };
    beside.unwrap_or(&place.dir).to_owned()
}

/// The listeners' sockets, all bound before anything is served.
struct Listeners {
    web: TcpListener,
    enrolment: TcpListener,
    line: TcpListener,
    metrics: TcpListener,
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Self, Fail> {
        Ok(Self {
            web: bind("web", config.web.listen).await?,
            enrolment: bind("enrolment", config.enrolment.listen).await?,
            line: bind("line", config.line.listen).await?,
            metrics: bind("metrics", config.metrics.listen).await?,
        })
    }
}

async fn bind(section: &str, address: SocketAddr) -> Result<TcpListener, Fail> {
    TcpListener::bind(address).await.map_err(|error| {
        Fail::input(
            "E-SERVE-002",
            format_args!("{section}.listen: {address} cannot be listened at: {error}"),
            "another program may have the port, or the address is not this host's; correct config.toml",
        )
    })
}

fn spawn<E: std::fmt::Display + Send + 'static>(
    tasks: &mut JoinSet<Result<(), String>>,
    task: impl Future<Output = Result<(), E>> + Send + 'static,
) {
    tasks.spawn(async move { task.await.map_err(|error| error.to_string()) });
}

/// Upkeep goes on until the service is told to stop; a service without it only looks healthy.
fn keep_up(tasks: &mut JoinSet<Result<(), String>>, task: impl Future<Output = ()> + Send + 'static) {
    spawn(tasks, async move {
        task.await;
        Ok::<_, String>(())
    });
}

/// Waits for a signal, or for a part of the service that fell over.
async fn until_told(tasks: &mut JoinSet<Result<(), String>>) -> Result<(), Fail> {
    let no_signals = |error| Fail::fault("E-SERVE-003", error, "this is a fault of the machine");
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        fallen = tasks.join_next() => {
            let why = match fallen {
                Some(Ok(Err(why))) => why,
                Some(Ok(Ok(()))) | None => "a part of the service ended by itself".to_owned(),
                Some(Err(error)) => error.to_string(),
            };
            Err(Fail::fault("E-SERVE-004", why, "look at the log; the service manager should start it again"))
        }
    }
}

/// Answers systemd's watchdog while the runtime still turns.
async fn watchdog(stop: CancellationToken) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return stop.cancelled().await };
    loop {
        tokio::select! {
            () = tokio::time::sleep(limit / 2) => tell_systemd(&[sd_notify::NotifyState::Watchdog]),
            () = stop.cancelled() => return,
        }
    }
}

/// Without systemd nobody listens, and that is fine.
fn tell_systemd(states: &[sd_notify::NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

fn refused(error: &rustls::Error) -> Fail {
    Fail::input("E-TLS-007", error, "check the certificate and key files in config.toml")
}
