//! The person's device has signed; the control plane adds its own signature, and the request goes to the Runner.

use control_plane_domain::audit::Action;
use control_plane_domain::drilldown::{DrillDown, DrillDownState, Signed};
use control_plane_domain::policy::{Caller, Permission};
use crypto::ed25519;
use ids::RequestId;
use proof::drilldown::{Epoch, PendingRequest, RequestError};
use proof::dsse::EnvelopeSignature;

use super::check_asker;
use crate::relay::Origin;
use crate::{Error, Operations};

impl Operations {
    /// Takes the device's signature over the request as it stands now.
    pub async fn sign_drilldown(
        &self,
        caller: &Caller,
        request: RequestId,
        signature: &[u8],
    ) -> Result<DrillDown, Error> {
        let permit = caller.permit(Permission::DrillDownsRequest)?;
        let tx = self.store().write(&permit).await?;
        let drilldown = tx.drilldown(request).await?.ok_or(Error::NotFound("drill-down"))?;
        check_asker(caller, &drilldown)?;
        if !tx.tenant().await?.is_some_and(|tenant| tenant.drilldowns) {
            return Err(Error::DrillDownsOff);
        }
        let from = drilldown.state.word();
        let DrillDownState::ToSign(to_sign) = &drilldown.state else { return Err(Error::DrillDownIs(from)) };
        if self.now() >= to_sign.until {
            return Err(Error::WrongSignature);
        }
        let pending = PendingRequest::read(to_sign.payload.clone()).map_err(|why| Error::invalid("payload", why))?;
        let device = ed25519::VerifyingKey::from_spki(&drilldown.device_key);
        let device = device.map_err(|why| Error::invalid("device_key", why))?;
        let signature = EnvelopeSignature { keyid: device.key_id().to_string(), sig: signature.to_vec() };
        let ours = self.drilldown_key(&tx, permit.tenant()).await?;
        let envelope = pending.complete(&signature, &device, &ours).map_err(|why| match why {
            RequestError::TooLong { .. } => Error::invalid("items", why),
            _ => Error::WrongSignature,
        })?;
        let (epoch, until) = (to_sign.epoch, to_sign.until);
        let request_sha256 = pending.sha256();
        let signed = Signed { envelope: envelope.bytes().to_vec(), request_sha256, epoch, until };
        let becoming = drilldown.becoming(DrillDownState::Signed(signed));
        let drilldown = becoming.map_err(|illegal| Error::DrillDownIs(illegal.from))?;
        tx.set_drilldown_state(&drilldown, from).await?;
        let committed = tx.commit(&permit.record(Action::EvidenceSigned { request, request_sha256 })).await?;
        let now_ms = self.clock().monotonic_ms();
        let origin = Origin { runner: (permit.tenant(), drilldown.runner), epoch: Epoch::from_bytes(epoch) };
        self.relay().expect(request, origin, now_ms);
        self.wake(permit.tenant(), drilldown.runner, &committed);
        Ok(drilldown)
    }
}
