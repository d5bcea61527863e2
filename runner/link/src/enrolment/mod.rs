//! How a Runner is let in, and how it gets a new certificate after its own has expired.
//!
//! An [`Application`] is kept by the vault before the first request is sent, so that a command that is repeated after a
//! lost answer, a crash or Ctrl-C sends the same request, and gets the same answer.

mod application;
mod polling;

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use contract::limits::MAX_ENROLMENT_MESSAGE;
use contract::token::JoinToken;
use contract::version::CURRENT;
use contract::{EnrolResponse, Enrolled, Fault, RecoverRequest};
use crypto::Entropy;
use proto::enrolment_client::EnrolmentClient;
use rustls_pki_types::CertificateDer;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;

use crate::address::Address;
use crate::channel::{open, status_error};
use crate::dial::{Dialer, Watch};
use crate::error::LinkError;
use crate::identity::Identity;
use crate::keyring::Keyring;
use crate::trust::Trust;
use crate::worker::Worker;

pub use application::Application;
pub use polling::Patience;
use polling::{Polling, Step};

/// How long the control plane may think about a request.
const ANSWER: Duration = Duration::from_secs(30);

/// Codes of the control plane that mean more here than a refusal: this Runner's standing, and that nothing was decided.
const REVOKED: &str = "E-ENROL-008";
const LOCKED: &str = "E-ENROL-009";
const PASSING_THROTTLED: &str = "E-ENROL-011";
const PASSING_FAILED: &str = "E-ENROL-012";
const VERSION: &str = "E-CONTRACT-001";
/// The certificate that a recovery shows is none that the control plane gave this Runner.
const UNKNOWN: &str = "E-ENROL-020";

/// How an enrolment goes on.
#[derive(Debug)]
pub enum EnrolmentNews<'a> {
    Asking,
    /// An administrator has to approve.
    AwaitingApproval {
        next_try_ms: u64,
    },
    Trouble {
        error: &'a LinkError,
        next_try_ms: u64,
    },
}

/// How an enrolment ended.
#[derive(Debug)]
pub enum EnrolmentEnd {
    Enrolled(Box<Identity>),
    /// The control plane has the request; an administrator has to approve. Ask again later.
    AwaitingApproval,
}

/// Asks to be let in, and with [`Patience::UntilApproved`] goes on asking until an administrator has decided. Dropping
/// the future at any point loses nothing.
pub async fn enrol(
    application: &Application,
    token: &JoinToken,
    dialer: &Dialer,
    clock: Arc<dyn Clock>,
    entropy: &dyn Entropy,
    patience: Patience,
    say: &mut (dyn FnMut(EnrolmentNews<'_>) + Send),
) -> Result<EnrolmentEnd, LinkError> {
    let mut polling = Polling::new(patience);
    loop {
        say(EnrolmentNews::Asking);
        let (answer, authority) = match ask(application, token, dialer, &clock).await {
            Ok((response, authority)) => (Ok(response), authority),
            Err(error) => (Err(error), None),
        };
        let next_try_ms = match polling.answered(answer, entropy) {
            Step::Enrolled(enrolled) => {
                return Ok(EnrolmentEnd::Enrolled(Box::new(application.enrolled(
                    *enrolled,
                    authority,
                    clock.now(),
                )?)));
            }
            Step::End(error) => return Err(error),
            Step::AwaitingApproval => return Ok(EnrolmentEnd::AwaitingApproval),
            Step::AskAgain { milliseconds, trouble: None } => {
                say(EnrolmentNews::AwaitingApproval { next_try_ms: milliseconds });
                milliseconds
            }
            Step::AskAgain { milliseconds, trouble: Some(error) } => {
                say(EnrolmentNews::Trouble { error: &error, next_try_ms: milliseconds });
                milliseconds
            }
        };
        sleep(Duration::from_millis(next_try_ms)).await;
    }
}

async fn ask(
    application: &Application,
    token: &JoinToken,
    dialer: &Dialer,
    clock: &Arc<dyn Clock>,
) -> Result<(EnrolResponse, Option<CertificateDer<'static>>), LinkError> {
    let request = application.enrol_request(token)?;
    let (mut client, watch, authority) = client(application.address(), application.trust(), dialer, clock).await?;
    let answer = timeout(ANSWER, client.enrol(proto::EnrolRequest::from(request))).await;
    Ok((response(answer, &watch)?, authority))
}

/// Asks for a new certificate with the key of the one that expired, and keeps it.
pub(crate) async fn recover(
    keyring: &Keyring,
    worker: &Worker,
    dialer: &Dialer,
    clock: &Arc<dyn Clock>,
) -> Result<(), LinkError> {
    let identity = keyring.identity();
    let holding = identity.presented().holding;
    let certificate_request = keyring.recovery_request();
    let (request_sha256, generation, at) =
        (crypto::digest::sha256(certificate_request.as_bytes()), holding.generation(), clock.now());
    let statement =
        worker.call(move |duties, _| Ok(duties.recovery_statement(request_sha256, generation, at)?)).await?;
    let certificate = holding.chain().first().cloned();
    let certificate = certificate.ok_or(LinkError::Identity { why: "it has no certificate" })?;
    let request = RecoverRequest { version: CURRENT, certificate_request, certificate, statement };
    let (mut client, watch, _) = client(identity.enrolment_address(), identity.trust(), dialer, clock).await?;
    let answer = timeout(ANSWER, client.recover(proto::RecoverRequest::from(request))).await;
    match response(answer, &watch)? {
        EnrolResponse::Enrolled(enrolled) => {
            same_keys(&identity, &enrolled)?;
            let now = clock.now();
            worker
                .call(move |duties, keyring| keyring.recovered(duties, enrolled.chain, enrolled.generation, now))
                .await
        }
        EnrolResponse::Refused(refused) => {
            let now = clock.now();
            if refused.code.as_str() == UNKNOWN
                && worker.call(move |duties, keyring| keyring.unknown_in_recovery(duties, now)).await?
            {
                let target = identity.enrolment_address().to_string();
                return Err(LinkError::OwnCertificateRefused { target, alert: UNKNOWN.to_owned() });
            }
            Err(match refused.code.as_str() {
                REVOKED => LinkError::Revoked,
                LOCKED => LinkError::Locked,
                PASSING_THROTTLED | PASSING_FAILED => LinkError::Busy,
                VERSION => LinkError::Version { why: "the control plane says so".to_owned() },
                code => LinkError::RecoveryRefused { code: code.to_owned() },
            })
        }
        EnrolResponse::AwaitingApproval(_) => {
            Err(LinkError::Status { status: "the recovery awaits approval".to_owned() })
        }
    }
}

/// A recovery renews a certificate; it never changes whom the Runner believes.
fn same_keys(identity: &Identity, enrolled: &Enrolled) -> Result<(), LinkError> {
    let kept = &identity.control_plane;
    let same = kept.drilldown == enrolled.drilldown_key
        && kept.audit == enrolled.audit_key
        && kept.witness == enrolled.witness_key;
    let why = || "the control plane's keys are not those pinned at enrolment".to_owned();
    if same { Ok(()) } else { Err(LinkError::CertificateAnswer { why: why() }) }
}

type Client = EnrolmentClient<Channel>;

async fn client(
    address: &Address,
    trust: &Trust,
    dialer: &Dialer,
    clock: &Arc<dyn Clock>,
) -> Result<(Client, Arc<Watch>, Option<CertificateDer<'static>>), LinkError> {
    let mut connection = dialer.dial(address, trust, None, clock).await?;
    let authority = connection.authority.take();
    let (channel, watch) = open(connection).await?;
    let client = EnrolmentClient::new(channel)
        .max_decoding_message_size(MAX_ENROLMENT_MESSAGE)
        .max_encoding_message_size(MAX_ENROLMENT_MESSAGE);
    Ok((client, watch, authority))
}

type Answer = Result<Result<tonic::Response<proto::EnrolResponse>, tonic::Status>, tokio::time::error::Elapsed>;

fn response(answer: Answer, watch: &Watch) -> Result<EnrolResponse, LinkError> {
    let late = LinkError::Silent { awaited: "an answer to the enrolment", seconds: ANSWER.as_secs() };
    let response = answer.map_err(|_| late)?.map_err(|status| status_error(&status, watch))?;
    EnrolResponse::try_from(response.into_inner()).map_err(|refusal| match refusal.fault {
        Fault::Version(incompatible) => LinkError::Version { why: incompatible.to_string() },
        Fault::Missing | Fault::TooLong { .. } | Fault::TooMany { .. } | Fault::Wrong(_) => {
            LinkError::Protocol { what: refusal.to_string() }
        }
    })
}
