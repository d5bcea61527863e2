//! `enrol`: makes this Runner one of a tenant's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::Label;
use contract::token::{CaPin, JoinToken};
use ids::TenantId;
use runner_link::enrolment::{EnrolmentEnd, EnrolmentNews, Patience};
use runner_link::{Address, Trust};
use serde_json::json;

use crate::command::init;
use crate::config::{Config, ControlPlaneConfig, parse_address};
use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::enrolment::{self, Pending};
use crate::wiring::interrupt::Interrupt;
use crate::wiring::root_key::RootKeyArgs;
use crate::wiring::runner::{Mode, Runner, absolute};
use crate::wiring::{files, move_aside, terminal};

/// Enrols this Runner at a control plane: makes its keys here, asks with a one-time token, and waits until an
/// administrator has compared the fingerprint and approved it. May be interrupted and given again at any time: it is the
/// same request. A folder without a Runner gets one first; a Runner that worked for nobody gets a new store, and the old
/// one stays readable beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner enrol --control-plane control.example.net:8441 --ca-pin sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae --token-file token.txt
  proctor-runner enrol --control-plane control.example.net:8441 --ca-file ca.pem --token-file token.txt --no-wait
  proctor-runner enrol

The console of the control plane shows the whole line to paste. Without a token the application that was begun goes on.")]
pub(crate) struct Args {
    /// Enrolment address of the control plane, HOST:PORT; control_plane.address of config.toml unless given.
    #[arg(long, value_name = "HOST:PORT")]
    control_plane: Option<String>,
    #[command(flatten)]
    trust: TrustArgs,
    /// The one-time token. Other accounts of this machine may see a command line; --token-file keeps it from them.
    #[arg(long, value_name = "TOKEN", group = "one_token")]
    token: Option<String>,
    /// A file that holds the one-time token; `-` is standard input.
    #[arg(long, value_name = "FILE", group = "one_token")]
    token_file: Option<PathBuf>,
    /// How this Runner is called at the control plane; the name of the machine unless given.
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Ask once and do not wait for the approval; `serve` waits for it as well.
    #[arg(long)]
    no_wait: bool,
    /// Ask anew although this Runner is enrolled: after it was locked or revoked. It is approved again, or not.
    #[arg(long)]
    again: bool,
    /// Move the store of a Runner that worked for nobody aside without asking.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    root: RootKeyArgs,
}

/// Whom to trust: control_plane.ca_file of config.toml unless one of these is given.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct TrustArgs {
    /// The fingerprint of a certification authority's key: it must stand in the chain that the control plane presents.
    #[arg(long, value_name = "sha256:HEX")]
    ca_pin: Option<String>,
    /// Certification authorities, PEM.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The certification authorities that this machine trusts.
    #[arg(long)]
    system_roots: bool,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    runner_vault::harden_process().map_err(crate::wiring::runner::vault)?;
    let dir = absolute(place)?;
    let token = args.token()?;
    let runner = prepare(&dir, token.as_ref().map(|token| token.tenant), &args, place)?;
    if let Some(identity) = enrolment::identity(&runner)?
        && !args.again
    {
        let message = format!("this Runner is enrolled; its certificate ends at {}", identity.not_after());
        let next = "`proctor-runner serve` uses it; --again asks anew, after it was locked or revoked";
        return Err(Fail::input("E-JOIN-003", message, next));
    }
    let pending = application(&runner, token, &args)?;
    let fingerprint = enrolment::fingerprint(&pending)?.to_string();
    place.out.line(format_args!("control plane    {}", pending.application.address()));
    place.out.line(format_args!("runner           {}", runner.identity.runner));
    place.out.line(format_args!("fingerprint      {fingerprint}"));
    place.out.line("Read it to the administrator who lets this Runner in, over the telephone or side by side.");
    let enrolled = ask(&runner, &pending, &args, place)?;
    let state = match &enrolled {
        Some(identity) => {
            place.out.line(format_args!("enrolled: certificate until {}", identity.not_after()));
            place.out.line(format_args!("Next: proctor-runner --dir {} serve", dir.display()));
            "enrolled"
        }
        None => {
            place
                .out
                .line("It waits for approval. Give `proctor-runner enrol` again, or start the service: it waits too.");
            "awaiting_approval"
        }
    };
    let (tenant, id) = (runner.identity.tenant, runner.identity.runner);
    place.out.json(&json!({
        "state": state, "tenant": tenant, "runner": id, "fingerprint": fingerprint,
        "control_plane": pending.application.address().to_string(),
        "not_after": enrolled.map(|identity| identity.not_after()),
    }));
    Ok(if state == "enrolled" { Exit::Pass } else { Exit::NotPass })
}

/// The Runner of this folder, made for the token's tenant where it is not.
fn prepare(dir: &Path, tenant: Option<TenantId>, args: &Args, place: &Place) -> Result<Runner, Fail> {
    if matches!(dir.join("config.toml").try_exists(), Ok(false)) {
        let Some(tenant) = tenant else { return Err(no_token()) };
        // Before anything is made for nothing.
        let config = ControlPlaneConfig::default();
        args.address(&config)?;
        args.trust(&config, dir)?;
        let (store, source) = init::make(dir, &args.root, tenant)?;
        drop(store);
        place.out.line(format_args!("folder           {} (made; root key from {})", dir.display(), source.to_toml()));
        return Runner::open(place, Mode::Write);
    }
    let config = Config::load(dir)?;
    // A service that runs has the store; only it may be looked at whether a replacement was cut off.
    if let Some(before) = move_aside::finish(dir, &config)? {
        place.out.line(format_args!("old store        {} (readable)", before.display()));
    }
    let runner = Runner::open(place, Mode::Write)?;
    let Some(tenant) = tenant.filter(|tenant| *tenant != runner.identity.tenant) else {
        return if runner.identity.tenant == TenantId::NIL { Err(no_token()) } else { Ok(runner) };
    };
    if runner.identity.tenant != TenantId::NIL {
        let message = format!("this Runner is one of tenant {}, the token is of {tenant}", runner.identity.tenant);
        let next = "a Runner belongs to one tenant for life: make another one with --dir";
        return Err(Fail::input("E-JOIN-004", message, next));
    }
    let unfinished = runner.store.with(|store| store.unfinished_runs())?;
    if !unfinished.is_empty() {
        let message = format!("{} runs are not finished, and the new store will not have them", unfinished.len());
        return Err(Fail::input("E-JOIN-005", message, "end them first: `proctor-runner resume`, or `cancel RUN`"));
    }
    if !args.yes {
        let what = "a new store for the tenant begins, the old one is moved aside; that";
        terminal::confirm(place.out, "enrol", what)?;
    }
    let now = runner.clock.now();
    let old = runner.store.into_inner().ok_or_else(|| {
        Fail::fault(
            "E-JOIN-013",
            "the store is used by another thread",
            "this is a fault of the Runner; please report it",
        )
    })?;
    let moved = move_aside::replace(dir, &config, old, tenant, now)?;
    let move_aside::Moved { before, imported } = moved;
    place.out.line(format_args!("old store        {} (readable)", before.display()));
    place.out.line(format_args!("carried over     {} procedures, {} secrets", imported.procedures, imported.secrets));
    Runner::open(place, Mode::Write)
}

/// The application that waits, or a new one.
fn application(runner: &Runner, token: Option<JoinToken>, args: &Args) -> Result<Pending, Fail> {
    let waiting = enrolment::pending(runner)?;
    let Some(token) = token else { return waiting.ok_or_else(no_token) };
    let config = &runner.config.control_plane;
    let (address, trust) = (args.address(config)?, args.trust(config, &runner.dir)?);
    if let Some(waiting) = waiting
        && waiting.token.digest() == token.digest()
        && *waiting.application.address() == address
        && *waiting.application.trust() == trust
    {
        return Ok(waiting);
    }
    enrolment::apply(runner, token, address, trust, args.label()?)
}

fn ask(runner: &Runner, pending: &Pending, args: &Args, place: &Place) -> Result<Option<runner_link::Identity>, Fail> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Fail::fault("E-JOIN-014", error, "see open files and threads"))?;
    let dialer = runner.config.control_plane.dialer(&runner.dir)?;
    let patience = if args.no_wait { Patience::AskOnce } else { Patience::UntilApproved };
    let progress = place.out.progress("asking the control plane");
    let mut say = |news: EnrolmentNews<'_>| match news {
        EnrolmentNews::Asking => progress.set_message("asking the control plane"),
        EnrolmentNews::AwaitingApproval { .. } => {
            progress.set_message("waiting for an administrator to compare the fingerprint and approve");
        }
        EnrolmentNews::Trouble { error, .. } => {
            progress.suspend(|| place.out.note(format_args!("{}: {error}", error.code())));
        }
    };
    let mut interrupt = Interrupt::listen()?;
    let (application, token, clock) = (&pending.application, &pending.token, Arc::clone(&runner.clock));
    let end = runtime.block_on(async {
        tokio::select! {
            _ = interrupt.came() => Err(interrupted()),
            end = runner_link::enrolment::enrol(application, token, &dialer, clock, &runner.entropy, patience, &mut say) => {
                end.map_err(|error| enrolment::refused(&error))
            }
        }
    });
    progress.finish_and_clear();
    match end? {
        EnrolmentEnd::Enrolled(identity) => {
            enrolment::keep(runner, &identity)?;
            Ok(Some(*identity))
        }
        EnrolmentEnd::AwaitingApproval => Ok(None),
    }
}

impl Args {
    fn token(&self) -> Result<Option<JoinToken>, Fail> {
        let text = match (&self.token, &self.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(file)) => {
                let stdin = file.as_os_str() == "-";
                let bytes = if stdin { files::input(files::SMALL)? } else { files::given(file, files::SMALL)? };
                String::from_utf8_lossy(&bytes).into_owned()
            }
            (None, None) => return Ok(None),
        };
        JoinToken::parse(text.trim()).map(Some).map_err(|error| {
            Fail::input("E-JOIN-002", error, "copy the whole token from the control plane; it begins with pjt_")
        })
    }

    fn address(&self, config: &ControlPlaneConfig) -> Result<Address, Fail> {
        match &self.control_plane {
            Some(text) => parse_address(text),
            None => config.enrolment_address()?.ok_or_else(|| {
                let next = "give --control-plane HOST:PORT, or set control_plane.address in config.toml";
                Fail::input("E-JOIN-006", "nothing says where the control plane is", next)
            }),
        }
    }

    fn trust(&self, config: &ControlPlaneConfig, dir: &Path) -> Result<Trust, Fail> {
        let TrustArgs { ca_pin, ca_file, system_roots } = &self.trust;
        if let Some(pin) = ca_pin {
            let pin: CaPin = pin.parse().map_err(|error| {
                Fail::input("E-JOIN-007", error, "copy the pin from the control plane: sha256: and 64 digits")
            })?;
            return Ok(Trust::pinned(pin));
        }
        if *system_roots {
            return Ok(Trust::System);
        }
        let configured = config.ca_file.as_ref().map(|path| dir.join(path));
        let Some(file) = ca_file.clone().or(configured) else {
            let next = "give --ca-pin as the control plane shows it, --ca-file FILE or --system-roots";
            return Err(Fail::input("E-JOIN-008", "nothing says whom to trust", next));
        };
        let pem = files::given(&file, files::SMALL)?;
        Trust::roots_from_pem(&pem).map_err(|error| {
            let message = format_args!("{}: {error}", file.display()).to_string();
            Fail::input("E-JOIN-009", message, "name a file of PEM certificates")
        })
    }

    fn label(&self) -> Result<Label, Fail> {
        let name = match &self.label {
            Some(label) => label.clone(),
            None => {
                let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
                name.filter(|name| !name.is_empty()).unwrap_or_else(|| "runner".to_owned())
            }
        };
        name.parse().map_err(|error| {
            Fail::input("E-JOIN-015", format_args!("{name:?} cannot be a label: {error}"), "give --label NAME")
        })
    }
}

fn no_token() -> Fail {
    let next = "have an administrator make one, and paste the line that the control plane shows";
    Fail::input("E-JOIN-001", "there is no token, and no application that waits", next)
}

fn interrupted() -> Fail {
    Fail::fault("E-JOIN-016", "interrupted; the application stands", "`proctor-runner enrol` goes on with it")
}
