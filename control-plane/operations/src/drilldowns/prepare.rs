//! The words to be signed are put together for the Runner's present session: they name its nonce, so that they are
//! worth nothing in another one.

use clock::Timestamp;
use control_plane_domain::audit::{Action, Purpose};
use control_plane_domain::drilldown::{AskedWith, DrillDown, DrillDownState, ToSign};
use control_plane_domain::person::{Person, PersonState};
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::runner::Runner;
use crypto::{ed25519, hpke, p256};
use ids::{RequestId, TenantId};
use proof::drilldown::{self, Epoch, Factor, PendingRequest, RecordRef, RequestedItem};

use crate::{Error, Operations};

/// A signed request lives at most this long; Runners refuse longer ones.
const LIFE_MS: i64 = 120_000;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It can be signed until then.
    Until(Timestamp),
    /// It will not be signed: it is over, or may not be any more.
    Over,
}

impl Operations {
    /// Makes a drill-down ready to be signed for a session.
    pub(crate) async fn prepare_drilldown(
        &self,
        tenant: TenantId,
        request: RequestId,
        epoch: Epoch,
    ) -> Result<Readiness, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        let drilldown = tx.drilldown(request).await?.ok_or(Error::NotFound("drill-down"))?;
        let now = self.now();
        match &drilldown.state {
            DrillDownState::WaitingForRunner => {}
            DrillDownState::ToSign(to_sign) if to_sign.epoch == *epoch.as_bytes() && now < to_sign.until => {
                return Ok(Readiness::Until(to_sign.until));
            }
            DrillDownState::ToSign(_) => {}
            _ => return Ok(Readiness::Over),
        }
        let person = tx.person(drilldown.person).await?.ok_or(Error::NotFound("person"))?;
        let enabled = tx.tenant().await?.is_some_and(|tenant| tenant.drilldowns);
        if now >= drilldown.expires {
            drop(tx);
            self.expire_drilldown(tenant, drilldown, "E-OPS-062").await?;
            return Ok(Readiness::Over);
        }
        // Leave can end between asking and answering.
        if !enabled || !may_ask(&person) {
            drop(tx);
            self.expire_drilldown(tenant, drilldown, "E-OPS-064").await?;
            return Ok(Readiness::Over);
        }
        let runner = tx.runner(drilldown.runner).await?.ok_or(Error::NotFound("Runner"))?;
        let until = drilldown.expires.min(now.plus_ms(LIFE_MS));
        let words = words(tenant, &drilldown, &person, &runner, epoch, (now, until))?;
        let pending = PendingRequest::new(words).map_err(|why| Error::invalid("items", why))?;
        let from = drilldown.state.word();
        let payload = pending.payload().to_vec();
        let to_sign = DrillDownState::ToSign(ToSign { payload, epoch: *epoch.as_bytes(), until });
        let Ok(drilldown) = drilldown.becoming(to_sign) else { return Ok(Readiness::Over) };
        tx.set_drilldown_state(&drilldown, from).await?;
        let action = Action::EvidencePrepared { request, request_sha256: pending.sha256() };
        tx.commit(&permit.record(action)).await?;
        Ok(Readiness::Until(until))
    }
}

/// Whether this person may see evidence at all.
pub(crate) fn may_ask(person: &Person) -> bool {
    person.state == PersonState::Active && person.role.allows(Permission::DrillDownsRequest)
}

fn words(
    tenant: TenantId,
    asked: &DrillDown,
    person: &Person,
    runner: &Runner,
    epoch: Epoch,
    (issued, expires): (Timestamp, Timestamp),
) -> Result<drilldown::Request, Error> {
    let runner_key = p256::VerifyingKey::from_spki(&runner.keys.attestation_key);
    let runner_key = runner_key.map_err(|why| Error::invalid("runner", why))?.key_id();
    let device = ed25519::VerifyingKey::from_spki(&asked.device_key);
    let device = device.map_err(|why| Error::invalid("device_key", why))?.key_id();
    let items = asked.items.iter();
    Ok(drilldown::Request {
        request: asked.id,
        epoch,
        tenant,
        runner: asked.runner,
        runner_key,
        run: asked.run,
        items: items
            .map(|asked| RequestedItem { item: asked.item, root: asked.root, rows: asked.rows.clone() })
            .collect(),
        person: drilldown::Person {
            id: person.id,
            device,
            role: person.role.as_str().parse().map_err(|why| Error::invalid("role", why))?,
            factors: factors(asked.with),
        },
        purpose: purpose(asked.purpose),
        reason: asked.reason.as_str().parse().map_err(|why| Error::invalid("reason", why))?,
        recipient: hpke::PublicKey::from_bytes(&asked.recipient).map_err(|why| Error::invalid("recipient_key", why))?,
        audit: RecordRef { seq: asked.audit.seq, hash: asked.audit.hash },
        issued,
        expires,
    })
}

/// What the person had shown: at the console nobody asks who did not show both factors a moment before.
fn factors(with: AskedWith) -> Vec<Factor> {
    match with {
        AskedWith::Key(_) => vec![Factor::ApiKey],
        AskedWith::Session(_) => vec![Factor::Password, Factor::Otp],
    }
}

fn purpose(word: Purpose) -> drilldown::Purpose {
    match word {
        Purpose::Audit => drilldown::Purpose::Audit,
        Purpose::Investigation => drilldown::Purpose::Investigation,
        Purpose::Remediation => drilldown::Purpose::Remediation,
        Purpose::Test => drilldown::Purpose::Test,
    }
}
