//! The target guard: the one way from a host name to a socket.
//!
//! A target must be on the operator's list, no address that serves credentials of the machine's cloud is ever reached,
//! and the addresses that were judged are the ones that are connected to, so that a name cannot change its mind.

mod address;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpStream;
use verdict::Code;

use crate::policy::{Host, Policy};
use crate::request::{Fault, Result};

/// Looks host names up.
pub trait Resolve: Send + Sync {
    /// The addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;
}

/// The machine's resolver.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// A target that may be connected to, at these addresses and no others.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) host: Host,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Judges a host and a port.
pub(crate) async fn admit(policy: &Policy, resolver: &dyn Resolve, host: &str, port: u16) -> Result<Admitted> {
    let host = Host::parse(host)?;
    if let Host::Name(name) = &host
        && address::is_metadata_name(name)
    {
        return Err(Fault::denied(format!("{name} serves credentials of the machine's cloud and is never asked")));
    }
    if let Host::Address(address) = &host {
        refuse_forbidden(&host, *address)?;
    }
    policy.admit_host(&host, port)?;
    let addresses = match &host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            let what = |why: &dyn std::fmt::Display| format!("{name} could not be looked up: {why}");
            let found = resolver.resolve(name).await;
            let found = found.map_err(|error| Fault::transport(Code::Unreachable, what(&error)))?;
            if found.is_empty() {
                return Err(Fault::transport(Code::Unreachable, what(&"it has no address")));
            }
            found
        }
    };
    for address in &addresses {
        refuse_forbidden(&host, *address)?;
        if address.to_canonical().is_loopback() && !policy.allows_loopback(&host, address.to_canonical(), port) {
            return Err(Fault::denied(format!(
                "{host} leads to this machine ({address}), which is allowed only where it is listed itself: \
                 add \"{}:{port}\" to policy.network",
                Host::Address(address.to_canonical())
            )));
        }
    }
    Ok(Admitted { host, addresses: addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect() })
}

/// Opens a connection to the first address that answers.
pub(crate) async fn connect(target: &Admitted, limit: Duration) -> Result<TcpStream> {
    let mut last = None;
    for address in &target.addresses {
        let what = format!("{} at {address}", target.host);
        match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| Fault::network(&what, &error))?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = Some(Fault::network(&what, &error)),
            Err(_) => last = Some(Fault::transport(Code::Timeout, format!("{what}: no answer in {limit:?}"))),
        }
    }
    Err(last.unwrap_or_else(|| Fault::transport(Code::Unreachable, format!("{} has no address", target.host))))
}

fn refuse_forbidden(host: &Host, address: IpAddr) -> Result<()> {
    match address::forbidden(address) {
        Some(why) => Err(Fault::denied(format!("{host} leads to {address}, which is {why} and is never connected to"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
