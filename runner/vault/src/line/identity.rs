//! Who this Runner is to its control plane, and by which keys it knows it: sealed, as who could change them could have
//! evidence opened.

use crypto::{Secret, p256};
use proof::checkpoint::{audit_origin, control_plane_witness};
use proof::dsse::{Envelope, Signer};
use proof::note::{Algorithm, VerifierKey};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::VaultError;
use crate::keys::Epoch;
use crate::seal::Cell;
use crate::vault::Vault;

/// Names of sealed values.
const IDENTITY: &str = "link.identity";
const APPLICATION: &str = "link.application";
const STATEMENT: &str = "runner.statement";
const PINS: &str = "control-plane.keys";

/// The control plane's keys for this tenant, as they were when this Runner was enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlanePins {
    /// What its part of a drill-down request is signed with.
    pub drilldown: p256::VerifyingKey,
    /// What checkpoints of the tenant's audit log are signed with.
    pub audit: VerifierKey,
    /// What it cosigns checkpoints of this journal with.
    pub witness: VerifierKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPins {
    drilldown: String,
    audit: String,
    witness: String,
}

impl Vault {
    /// Keeps what the link knows itself by, replacing what was there.
    pub fn set_link_identity(&mut self, identity: &Secret<Vec<u8>>) -> Result<(), VaultError> {
        self.set_value(IDENTITY, identity)
    }

    /// What the link knows itself by; none before enrolment.
    pub fn link_identity(&self) -> Result<Option<Secret<Vec<u8>>>, VaultError> {
        self.value(IDENTITY)
    }

    /// Forgets what the link knows itself by.
    pub fn remove_link_identity(&mut self) -> Result<(), VaultError> {
        self.remove_value(IDENTITY)
    }

    /// Keeps an enrolment that is under way, replacing what was there.
    pub fn set_application(&mut self, application: &Secret<Vec<u8>>) -> Result<(), VaultError> {
        self.set_value(APPLICATION, application)
    }

    /// The enrolment that is under way.
    pub fn application(&self) -> Result<Option<Secret<Vec<u8>>>, VaultError> {
        self.value(APPLICATION)
    }

    /// Forgets the enrolment that was under way.
    pub fn remove_application(&mut self) -> Result<(), VaultError> {
        self.remove_value(APPLICATION)
    }

    /// Keeps the signed statement of this Runner's keys that it enrols with, replacing what was there.
    pub fn set_key_statement(&mut self, statement: &Envelope) -> Result<(), VaultError> {
        self.set_value(STATEMENT, &Secret::new(statement.bytes().to_vec()))
    }

    /// The statement of keys that this Runner enrolled with: what people compare by its fingerprint.
    pub fn key_statement(&self) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self.value(STATEMENT)?.map(|statement| statement.expose().clone()))
    }

    /// Pins the control plane's keys. The same keys may be pinned again; others never take their place.
    pub fn pin_control_plane(&mut self, pins: &ControlPlanePins) -> Result<(), VaultError> {
        let tenant = self.identity.tenant;
        let expected = [
            (&pins.audit, audit_origin(tenant), Algorithm::Ed25519),
            (&pins.witness, control_plane_witness(tenant), Algorithm::Cosignature),
        ];
        for (key, name, algorithm) in expected {
            if *key.name() != name || key.algorithm() != algorithm {
                let why = format!("the key of {} is not one of {name}", key.name());
                return Err(VaultError::Unstorable { what: "control plane's key", why });
            }
        }
        match self.control_plane_pins()? {
            Some(known) if known == *pins => Ok(()),
            Some(_) => Err(VaultError::not_allowed("store", self.identity.store, "other keys are pinned already")),
            None => {
                let stored = StoredPins {
                    drilldown: pins.drilldown.to_pem(),
                    audit: pins.audit.to_string(),
                    witness: pins.witness.to_string(),
                };
                let json = serde_json::to_vec(&stored)
                    .map_err(|error| VaultError::Unstorable { what: "control plane's key", why: error.to_string() })?;
                self.set_value(PINS, &Secret::new(json))
            }
        }
    }

    /// The pinned keys; none before enrolment.
    pub fn control_plane_pins(&self) -> Result<Option<ControlPlanePins>, VaultError> {
        let Some(json) = self.value(PINS)? else { return Ok(None) };
        let fault = |error: &dyn std::fmt::Display| VaultError::inconsistent("sealed_value", PINS, error);
        let StoredPins { drilldown, audit, witness } =
            serde_json::from_slice(json.expose()).map_err(|error| fault(&error))?;
        Ok(Some(ControlPlanePins {
            drilldown: p256::VerifyingKey::from_pem(&drilldown).map_err(|error| fault(&error))?,
            audit: audit.parse().map_err(|error| fault(&error))?,
            witness: witness.parse().map_err(|error| fault(&error))?,
        }))
    }

    /// Signs a statement about this Runner with its attestation key. Attestations and receipts have their own doors, so
    /// their types are refused.
    pub fn sign_statement(&self, payload_type: &str, payload: &[u8]) -> Result<Envelope, VaultError> {
        let reserved = [proof::attestation::PAYLOAD_TYPE, proof::drilldown::RECEIPT_TYPE];
        if reserved.contains(&payload_type) {
            let why = format!("`{payload_type}` is not signed on demand");
            return Err(VaultError::Unstorable { what: "statement", why });
        }
        Ok(Envelope::sign(payload_type, payload, &[Signer::P256(&self.keys.attester)]))
    }

    pub(crate) fn pinned(&self) -> Result<ControlPlanePins, VaultError> {
        self.control_plane_pins()?.ok_or_else(|| VaultError::not_found("pinned key of a control plane", "this tenant"))
    }

    fn set_value(&mut self, name: &'static str, value: &Secret<Vec<u8>>) -> Result<(), VaultError> {
        self.reserve(&Epoch::system(), 1)?;
        let writer = self.begin_in_any_condition()?;
        let (generation, sealed) =
            writer.ring.seal_direct(writer.entropy, &Epoch::system(), value_cell, name.as_bytes(), value.expose())?;
        writer.tx.execute(
            "INSERT INTO sealed_value (name, generation, sealed, set_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, sealed = excluded.sealed, \
             set_at = excluded.set_at",
            params![name, generation as i64, sealed, writer.now.as_millis()],
        )?;
        writer.commit()?;
        self.truncate_wal()
    }

    fn value(&self, name: &'static str) -> Result<Option<Secret<Vec<u8>>>, VaultError> {
        let row = self
            .db
            .prepare_cached("SELECT generation, sealed FROM sealed_value WHERE name = ?1")?
            .query_row([name], |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let Some((generation, sealed)) = row else { return Ok(None) };
        let mut plain = self.ring.open_direct(generation, &value_cell(generation).part(name.as_bytes()), &sealed)?;
        Ok(Some(Secret::new(std::mem::take(&mut *plain))))
    }

    fn remove_value(&mut self, name: &'static str) -> Result<(), VaultError> {
        let writer = self.begin_in_any_condition()?;
        writer.tx.execute("DELETE FROM sealed_value WHERE name = ?1", [name])?;
        writer.commit()?;
        self.truncate_wal()
    }
}

pub(crate) fn value_cell(generation: u64) -> Cell<'static> {
    Cell::new("sealed_value", "sealed", generation)
}
