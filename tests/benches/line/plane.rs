//! A control plane as its own process, with a tenant.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use tests::{ControlPlane, Database, Detour, Ports, Service, Tenant};
use tokio::runtime::Runtime;

use super::{Peer, Web};
use crate::harness::{Outcome, now};

/// Longer than anything takes that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The control plane, and those who work with it.
pub(crate) struct Plane {
    pub(crate) control_plane: ControlPlane,
    pub(crate) tenant: Tenant,
    pub(crate) runtime: Runtime,
    service: Option<Service>,
}

impl Plane {
    /// A fresh one that runs.
    pub(crate) fn start(database: &Database) -> Outcome<Self> {
        let control_plane = ControlPlane::make(database, Ports::free(), Detour::default());
        let config = control_plane.home().join("config.toml");
        let text = std::fs::read_to_string(&config)?.replace("level = \"debug\"", "level = \"warn\"");
        std::fs::write(&config, text)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let tenant = control_plane.tenant("bench");
        // Begun after the tenant, so that the tenant's authority is known from the start.
        let service = serve(&control_plane)?;
        Ok(Self { control_plane, tenant, runtime, service: Some(service) })
    }

    pub(crate) fn service(&mut self) -> Outcome<&mut Service> {
        self.service.as_mut().ok_or_else(|| "the control plane does not run".into())
    }

    pub(crate) fn pid(&mut self) -> Outcome<u32> {
        Ok(self.service()?.pid())
    }

    /// Ends the process.
    pub(crate) fn stop(&mut self) -> Outcome<()> {
        match self.service()?.stop() {
            Some(0) => {
                self.service = None;
                Ok(())
            }
            code => Err(format!("the control plane ended with {code:?}: {}", self.control_plane.log()).into()),
        }
    }

    /// Starts the process; gives how long it took until it was ready.
    pub(crate) fn begin(&mut self) -> Outcome<f64> {
        let started = now();
        self.service = Some(serve(&self.control_plane)?);
        Ok(started.elapsed().as_secs_f64())
    }

    /// A client with the owner's key.
    pub(crate) fn owner(&self) -> Outcome<Web> {
        self.web(&std::fs::read_to_string(&self.tenant.key_file)?)
    }

    pub(crate) fn web(&self, key: &str) -> Outcome<Web> {
        let _inside = self.runtime.enter();
        Web::new(self.control_plane.ports.web, key, &std::fs::read(self.control_plane.authority())?)
    }

    /// Runners that were let in.
    pub(crate) fn peers(&self, count: usize) -> Outcome<Vec<Peer>> {
        let web = self.owner()?;
        self.runtime.block_on(async {
            let mut peers = Vec::with_capacity(count);
            for _ in 0..count {
                peers.push(Peer::enrol(&self.control_plane, &self.tenant, &web).await?);
            }
            Ok(peers)
        })
    }

    /// A number of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        let text = page(self.control_plane.ports.metrics, "/metrics")?;
        let name = format!("proctor_control_plane_{name} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).and_then(|value| value.trim().parse().ok())
    }

    /// Waits until so many sessions are open.
    pub(crate) fn until_sessions(&self, count: u64) -> Outcome<()> {
        wait(&format!("{count} sessions are open"), || self.metric("sessions") == Some(count))
    }
}

fn serve(control_plane: &ControlPlane) -> Outcome<Service> {
    let command: Command = control_plane.command(&["serve"]);
    let mut service = Service::start(command, &control_plane.beside("control-plane.log"));
    let port = control_plane.ports.metrics;
    let mut is_alive = true;
    wait("the control plane is ready", || {
        is_alive = service.lives();
        !is_alive || page(port, "/readyz").is_some_and(|text| text.starts_with("HTTP/1.1 200"))
    })?;
    if is_alive { Ok(service) } else { Err(format!("the control plane ended: {}", service.log()).into()) }
}

/// Looks every half millisecond, so that what is waited for is measured no coarser than that.
pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> bool) -> Outcome<()> {
    let started = now();
    while !is_so() {
        if started.elapsed() > PATIENCE {
            return Err(format!("waited in vain: {what}").into());
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}

/// A page over HTTP without TLS, head and all; `None` when nobody answers.
fn page(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}
