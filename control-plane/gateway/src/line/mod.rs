//! The line's service: takes each stream from the transport and gives it a task that pumps its messages.

mod pump;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proto::line_server::Line;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
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
    shutdown: Shutdown,
}

impl LineService {
    pub(crate) fn new(gateway: Arc<Gateway>, shutdown: Shutdown) -> Self {
        Self { gateway, shutdown }
    }
}

#[tonic::async_trait]
impl Line for LineService {
    type SessionStream = ReceiverStream<Result<proto::FromControlPlane, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<proto::FromRunner>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let peer = peer.ok_or_else(|| Status::internal("E-GATEWAY-002"))?;
        if peer.chain.is_empty() {
            return Err(Status::unauthenticated("E-GATEWAY-003"));
        }
        if peer.in_session.swap(true, Ordering::SeqCst) {
            return Err(Status::resource_exhausted("E-GATEWAY-004"));
        }
        peer.requested.notify_one();
        let (outgoing, stream) = mpsc::channel(OUTGOING);
        let session = self.gateway.session(peer.chain.clone());
        let pump = Pump::new(Arc::clone(&self.gateway), session, outgoing, self.shutdown.clone());
        tokio::spawn(async move {
            pump.run(request.into_inner()).await;
            peer.end.cancel();
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}
