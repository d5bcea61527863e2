//! Offers one version of the protocol and looks at the answer.

use std::io;

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use verdict::Code;

use crate::guard::{self, Admitted};
use crate::policy::Host;
use crate::registry::Context;
use crate::request::{Fault, Result};
use crate::tls::TlsVersion;
use crate::tls::hello::{self, Answer};

/// The alert of an endpoint that does not know the name it is asked for; it says nothing about versions.
const UNRECOGNISED_NAME: u8 = 112;

/// Whether the endpoint would go on with this version.
pub(super) async fn accepts(context: &Context, target: &Admitted, version: TlsVersion) -> Result<bool> {
    match offer(context, target, version, false).await? {
        answer @ Answer::Hello { .. } => Ok(answer.is_version(version)),
        // An endpoint that closes without a word refuses as well.
        Answer::Incomplete => Ok(false),
        Answer::Alert(UNRECOGNISED_NAME) => {
            Err(Fault::new(Code::Tls, format!("{} does not know this name and says nothing else", target.host)))
        }
        Answer::Alert(_) => Ok(false),
        Answer::Foreign => Err(Fault::new(Code::Tls, format!("{} does not answer in TLS", target.host))),
    }
}

/// The chain that the endpoint sends in the clear in versions before 1.3; empty if it refuses.
pub(super) async fn chain(context: &Context, target: &Admitted) -> Result<Vec<CertificateDer<'static>>> {
    // Offering 1.2 lets the endpoint answer with whatever older version it has; some only take their own.
    for version in [TlsVersion::Tls12, TlsVersion::Tls11, TlsVersion::Tls10] {
        match offer(context, target, version, true).await? {
            Answer::Hello { chain: Some(chain), .. } if !chain.is_empty() => {
                return Ok(chain.into_iter().map(CertificateDer::from).collect());
            }
            Answer::Foreign => {
                return Err(Fault::new(Code::Tls, format!("{} does not answer in TLS", target.host)));
            }
            Answer::Hello { .. } | Answer::Alert(_) | Answer::Incomplete => {}
        }
    }
    Ok(Vec::new())
}

/// One offer on a connection of its own, and the answer up to the point where it can be told.
async fn offer(context: &Context, target: &Admitted, version: TlsVersion, wants_chain: bool) -> Result<Answer> {
    let mut stream = guard::connect(target, context.limits.connect()).await?;
    let what = |error: &io::Error| Fault::network(&target.host.to_string(), error);
    let mut random = [0; 96];
    context.entropy.fill(&mut random);
    let name = match &target.host {
        Host::Name(name) => Some(name.as_str()),
        Host::Address(_) => None,
    };
    let mut received = Vec::with_capacity(4_096);
    if let Err(error) = stream.write_all(&hello::client_hello(version, name, &random)).await {
        return if is_closed(&error) { Ok(Answer::Incomplete) } else { Err(what(&error)) };
    }
    loop {
        match stream.read_buf(&mut received).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if is_closed(&error) => break,
            Err(error) => return Err(what(&error)),
        }
        match hello::read(&received, wants_chain) {
            Answer::Incomplete => {}
            answer => return Ok(answer),
        }
    }
    match hello::read(&received, false) {
        // Half an answer is not a refusal.
        Answer::Incomplete if !received.is_empty() && !is_warning(&received) => {
            Err(Fault::transport(Code::Truncated, format!("{} broke off in the middle of its answer", target.host)))
        }
        answer => Ok(answer),
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted
    )
}

/// Whether all that came is an alert, such as close_notify.
fn is_warning(received: &[u8]) -> bool {
    received.len() == 7 && received.starts_with(&[21, 3])
}
