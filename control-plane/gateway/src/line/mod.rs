//! The line's service: takes each stream from the transport and gives it a task that pumps its messages.

mod pump;

use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use proto::line_server::Line;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};

use crate::Shutdown;
use crate::gateway::Gateway;
use crate::listener::Peer;
use pump::Pump;

/// Messages that wait for the transport. Few: each may be as large as a message may be, and a Runner that does not read
/// is not to fill our memory.
const OUTGOING: usize = 8;

pub(crate) struct LineService {
    gateway: Arc<Gateway>,
    sessions: TaskTracker,
    shutdown: Shutdown,
}

impl LineService {
    pub(crate) fn new(gateway: Arc<Gateway>, sessions: TaskTracker, shutdown: Shutdown) -> Self {
        Self { gateway, sessions, shutdown }
    }
}

#[tonic::async_trait]
impl Line for LineService {
    type SessionStream = Said;

    async fn session(
        &self,
        request: Request<Streaming<proto::FromRunner>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let peer = peer.ok_or_else(|| Status::internal("E-GATEWAY-002"))?;
        let chain = std::mem::take(&mut *peer.chain.lock().unwrap_or_else(PoisonError::into_inner));
        if chain.is_empty() {
            // The listener lets nobody in without a certificate: somebody took it, for the session that is open.
            return Err(Status::resource_exhausted("E-GATEWAY-003"));
        }
        peer.requested.notify_one();
        let (outgoing, stream) = mpsc::channel(OUTGOING);
        let session = self.gateway.session(chain);
        let pump = Pump::new(Arc::clone(&self.gateway), session, outgoing, self.shutdown.clone());
        self.sessions.spawn(async move {
            pump.run(request.into_inner()).await;
            peer.end.cancel();
        });
        Ok(Response::new(Said(stream)))
    }
}

/// What a session says. The queue holds pointers: an idle session pays for its slots, not for what could be in them.
pub(crate) struct Said(mpsc::Receiver<Box<proto::FromControlPlane>>);

impl Stream for Said {
    type Item = Result<proto::FromControlPlane, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|message| message.map(|message| Ok(*message)))
    }
}
