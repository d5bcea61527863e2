//! Looks at a TLS endpoint as a stranger would: its certificate chain and which protocol versions it accepts.
//!
//! Nothing is sent but handshakes. The chain is told also when nobody vouches for it. A version counts as refused only
//! if the endpoint answers the offer with an alert or closes; silence, and everything else, is an error.

mod certificate;
mod handshake;
mod hello;
mod name;
mod probe;

use std::collections::BTreeMap;

use runner_evidence::RawEvidence;
use rustls::pki_types::ServerName;
use serde_json::{Map, Value, json};
use verdict::Code;

use crate::guard::Admitted;
use crate::policy::Host;
use crate::registry::{Connector, Context};
use crate::request::{Fault, Found, Request, Result};
pub use certificate::CertificateFacts;

pub(crate) struct Tls;

/// Arguments of `tls`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsArguments {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Versions to try; all if not given.
    #[serde(default = "all")]
    #[schemars(length(min = 1, max = 4))]
    pub probe: Vec<TlsVersion>,
}

/// A version of the protocol.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
pub enum TlsVersion {
    /// TLS 1.0 (RFC 2246).
    #[serde(rename = "tls1_0")]
    Tls10,
    /// TLS 1.1 (RFC 4346).
    #[serde(rename = "tls1_1")]
    Tls11,
    /// TLS 1.2 (RFC 5246).
    #[serde(rename = "tls1_2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "tls1_3")]
    Tls13,
}

/// What `tls` gives.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct TlsValue {
    /// Whether the chain leads to a trusted root, all of it is valid now, and the endpoint holds the key.
    pub trusted: bool,
    /// Whether the endpoint's own certificate names the host.
    pub hostname_ok: bool,
    /// The chain as presented, the endpoint's own certificate first.
    pub chain: Vec<CertificateFacts>,
    /// The versions that were tried, and whether each was accepted.
    pub accepts: BTreeMap<TlsVersion, bool>,
}

impl Connector for Tls {
    const NAME: &'static str = "tls";
    const REMOTE: bool = true;
    type Arguments = TlsArguments;
    type Value = TlsValue;

    fn describe(arguments: &TlsArguments, _: &Request<'_>) -> Value {
        json!({"host": arguments.host, "port": arguments.port, "probe": arguments.probe})
    }

    async fn collect(context: &Context, arguments: TlsArguments, _: &Request<'_>) -> Result<Found> {
        let target = context.admit(&arguments.host, arguments.port).await?;
        let name = server_name(&target)?;
        let presented = handshake::chain(context, &target, &name).await?;
        let mut accepts = BTreeMap::new();
        for version in arguments.probe {
            let accepted = probe::accepts(context, &target, version).await?;
            accepts.insert(version, accepted);
        }
        let judged = handshake::judge(context, &presented, &name)?;
        let chain = presented.chain.iter().map(|der| certificate::describe(der)).collect::<Result<Vec<_>>>()?;
        let source = json!({
            "address": presented.address.to_string(),
            "certificate_sha256": chain.first().map(|own| &own.sha256),
        });
        let bytes = presented.chain.iter().map(|der| der.len() as u64).sum();
        let value = TlsValue { trusted: judged.trusted, hostname_ok: judged.hostname_ok, chain, accepts };
        let Ok(Value::Object(frame)) = serde_json::to_value(&value) else {
            return Err(Fault::new(Code::Internal, "the facts of an endpoint are not an object"));
        };
        Ok(Found { evidence: RawEvidence::object(Map::from_iter(frame)), source, complete: None, bytes })
    }
}

/// The name that the certificate must carry.
pub(crate) fn server_name(target: &Admitted) -> Result<ServerName<'static>> {
    match &target.host {
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => ServerName::try_from(name.clone())
            .map_err(|_| Fault::new(Code::Tls, format!("{name} cannot stand in a certificate"))),
    }
}

fn all() -> Vec<TlsVersion> {
    vec![TlsVersion::Tls10, TlsVersion::Tls11, TlsVersion::Tls12, TlsVersion::Tls13]
}
