//! Moving to another store: when a Runner is enrolled it begins one for its tenant, and what its operator installed comes
//! along. Runs and evidence stay where they are.

use crypto::Secret;
use ids::StoreId;
use proof::checkpoint::Checkpoint;
use proof::log::journal::{JournalRecord, TreeHead};
use proof::text::Name;
use rusqlite::params;

use crate::keys::Epoch;
use crate::procedures::version;
use crate::runs::{ProcedureSource, store_procedure};
use crate::vault::Vault;
use crate::{VaultError, secrets};

/// What another store takes over.
pub struct CarryOver {
    from: StoreId,
    journal: TreeHead,
    procedures: Vec<ProcedureSource>,
    secrets: Vec<(Name, Secret<Vec<u8>>)>,
}

impl std::fmt::Debug for CarryOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, procedures, secrets, .. } = self;
        write!(f, "CarryOver(from {from}: {} procedures, {} secrets)", procedures.len(), secrets.len())
    }
}

/// What was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Procedures, each of which is approved in the new store.
    pub procedures: u64,
    /// Secrets.
    pub secrets: u64,
    /// The journal record of the import.
    pub seq: u64,
}

impl Vault {
    /// The procedures that are approved here, and the connector secrets.
    pub fn carry_over(&self) -> Result<CarryOver, VaultError> {
        self.check_ready()?;
        let _snapshot = self.snapshot()?;
        let Checkpoint { size, root, .. } = Checkpoint::open(&self.checkpoint()?, self.journal_key())
            .map_err(|error| VaultError::inconsistent("journal_head", 1, error))?;
        let installed = self.procedures()?.into_iter();
        let approved = installed.filter(|known| known.approved.is_some() && known.withdrawn.is_none());
        let mut secrets = Vec::new();
        for (name, _) in self.secrets()? {
            let name: Name = name.parse().map_err(|error| VaultError::inconsistent("secret", &name, error))?;
            let value = self.secret(&name)?;
            secrets.push((name, value));
        }
        Ok(CarryOver {
            from: self.identity.store,
            journal: TreeHead { size, root },
            procedures: approved.map(|known| known.procedure).collect(),
            secrets,
        })
    }

    /// Takes over what another store had, in one transaction; journalled, each approval and the import as a whole. A
    /// secret of the same name is not overwritten: then nothing is imported.
    pub fn import(&mut self, carried: CarryOver) -> Result<Imported, VaultError> {
        self.check_ready()?;
        let CarryOver { from, journal, procedures, secrets } = carried;
        if from == self.identity.store {
            return Err(VaultError::not_allowed("store", from, "it cannot take over what it has"));
        }
        self.reserve(&Epoch::system(), secrets.len())?;
        let witnessed = self.witnessed()?;
        let mut writer = self.begin()?;
        for procedure in &procedures {
            store_procedure(&writer.tx, procedure, writer.now)?;
            let record = JournalRecord::ProcedureApproved { procedure: version(procedure), by: None };
            let seq = writer.journal(&record)?.seq;
            writer.tx.execute(
                "UPDATE procedure SET approved = ?3, withdrawn = NULL WHERE digest = ?1 AND notation = ?2",
                params![procedure.digest.as_bytes(), procedure.notation.as_str(), seq as i64],
            )?;
        }
        for (name, value) in &secrets {
            if secrets::is_there(&writer.tx, name)? {
                return Err(VaultError::not_allowed("secret", name, "there is one of this name already"));
            }
            secrets::set_here(&mut writer, name, value, witnessed)?;
        }
        let (procedures, secrets) = (procedures.len() as u64, secrets.len() as u64);
        let seq = writer.journal(&JournalRecord::StoreImported { from, journal, procedures, secrets })?.seq;
        writer.commit()?;
        Ok(Imported { procedures, secrets, seq })
    }
}
