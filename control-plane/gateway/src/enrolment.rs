//! The enrolment service. A request that cannot be understood gets a code, never a text of ours: nobody has said yet who
//! they are.

use std::net::IpAddr;
use std::sync::Arc;

use contract::{EnrolRequest, EnrolResponse, RecoverRequest, Refusal};
use proto::enrolment_server::Enrolment;
use tonic::{Request, Response, Status};

use crate::gateway::Gateway;
use crate::listener::Peer;

pub(crate) struct EnrolmentService {
    gateway: Arc<Gateway>,
}

impl EnrolmentService {
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway }
    }

    fn answer(&self, response: EnrolResponse) -> Response<proto::EnrolResponse> {
        Response::new(response.into())
    }

    fn refused(&self, refusal: &Refusal, address: IpAddr) -> Response<proto::EnrolResponse> {
        tracing::debug!(%address, %refusal, "an enrolment request cannot be read");
        let code = refusal.code();
        self.gateway.counters().refused(code);
        let outcome = proto::enrol_response::Outcome::Refused(proto::Refused { code: code.to_owned() });
        Response::new(proto::EnrolResponse { outcome: Some(outcome) })
    }
}

#[tonic::async_trait]
impl Enrolment for EnrolmentService {
    async fn enrol(&self, request: Request<proto::EnrolRequest>) -> Result<Response<proto::EnrolResponse>, Status> {
        let address = address_of(&request)?;
        match EnrolRequest::try_from(request.into_inner()) {
            Ok(request) => Ok(self.answer(self.gateway.operations().enrol(&request, address).await)),
            Err(refusal) => Ok(self.refused(&refusal, address)),
        }
    }

    async fn recover(&self, request: Request<proto::RecoverRequest>) -> Result<Response<proto::EnrolResponse>, Status> {
        let address = address_of(&request)?;
        match RecoverRequest::try_from(request.into_inner()) {
            Ok(request) => Ok(self.answer(self.gateway.operations().recover(&request, address).await)),
            Err(refusal) => Ok(self.refused(&refusal, address)),
        }
    }
}

fn address_of<T>(request: &Request<T>) -> Result<IpAddr, Status> {
    let peer = request.extensions().get::<Arc<Peer>>();
    let peer = peer.ok_or_else(|| Status::internal("E-GATEWAY-002"))?;
    peer.requested.notify_one();
    Ok(peer.address)
}
