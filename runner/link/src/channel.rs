//! gRPC over a connection that this room opened itself, so that DNS, proxy and TLS fail with errors of their own.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use crate::certificate::printable;
use crate::dial::{Connection, Watch};
use crate::error::LinkError;

/// A dead peer is noticed after these two, also behind a firewall that forgets idle connections.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_ANSWER: Duration = Duration::from_secs(10);
const MAX_HEADERS: u32 = 16 * 1024;

/// A channel on this one connection; when it ends, so does the channel.
pub(crate) async fn open(connection: Connection) -> Result<(Channel, Arc<Watch>), LinkError> {
    let watch = connection.watch;
    let uri = |scheme: &str| format!("{scheme}://{}", watch.target()).parse::<Uri>();
    // TLS is below the connector, so the endpoint itself is plain; requests name the scheme that is really spoken.
    let (plain, origin) = uri("http")
        .and_then(|plain| Ok((plain, uri("https")?)))
        .map_err(|_| LinkError::Address { text: watch.target().to_owned(), why: "it cannot stand in a URI" })?;
    let endpoint = Endpoint::from(plain)
        .origin(origin)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER)
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(MAX_HEADERS);
    let once = Mutex::new(Some(TokioIo::new(connection.stream)));
    let connector = service_fn(move |_: Uri| {
        let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        async { stream.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the connection has ended")) }
    });
    match endpoint.connect_with_connector(connector).await {
        Ok(channel) => Ok((channel, watch)),
        Err(error) => Err(watch.cause(&error.to_string())),
    }
}

/// What a gRPC status means. What broke the connection is said by the connection itself.
pub(crate) fn status_error(status: &Status, watch: &Watch) -> LinkError {
    use tonic::Code;
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal if status.metadata().is_empty() => {
            watch.cause(status.message())
        }
        code => LinkError::Status { status: printable(&format!("{code:?}: {}", status.message())) },
    }
}
