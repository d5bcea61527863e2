//! The Runner's own private keys: made with the store, sealed in it, and never given out.

use clock::Timestamp;
use crypto::{Secret, SystemEntropy, ed25519, hpke, p256};
use proof::checkpoint::runner_witness;
use proof::cosignature::Witness;
use proof::note::{KeyName, NoteSignature, SignedNote, VerifierKey};
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroize;

use crate::VaultError;
use crate::journal::JournalKey;
use crate::keys::{Epoch, KeyRing};
use crate::seal::{Cell, Identity};

/// Names of the keys.
const ATTESTATION: &str = "attestation";
const JOURNAL: &str = "journal";
const WITNESS: &str = "witness";
const SEALING: &str = "sealing";

/// How many keys [`first`] makes, and how many [`second`].
pub(crate) const FIRST: i64 = 2;
pub(crate) const SECOND: i64 = 2;

/// All of them, open.
pub(crate) struct OwnKeys {
    pub(crate) attester: p256::SigningKey,
    pub(crate) journal: JournalKey,
    pub(crate) witness: WitnessKey,
    pub(crate) sealing: hpke::KeyPair,
}

/// The key that cosigns audit checkpoints, with this witness's name.
pub(crate) struct WitnessKey {
    signing: ed25519::SigningKey,
    name: KeyName,
    verifier: VerifierKey,
}

impl WitnessKey {
    fn new(signing: ed25519::SigningKey, identity: &Identity) -> Self {
        let name = runner_witness(identity.tenant, identity.runner);
        let verifier = Witness { name: &name, key: &signing }.verifier_key();
        Self { signing, name, verifier }
    }

    pub(crate) fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(crate) fn cosign(&self, note: &SignedNote, now: Timestamp) -> NoteSignature {
        Witness { name: &self.name, key: &self.signing }.cosign(note, now)
    }
}

impl OwnKeys {
    pub(crate) fn read(
        db: &Connection,
        ring: &KeyRing,
        identity: &Identity,
        entropy: &SystemEntropy,
    ) -> Result<Self, VaultError> {
        let attester = p256::SigningKey::from_pkcs8(stored(db, ring, ATTESTATION)?, entropy)
            .map_err(|error| VaultError::inconsistent("signing_key", ATTESTATION, error))?;
        Ok(Self {
            attester,
            journal: JournalKey::new(ed25519_key(db, ring, JOURNAL)?, identity),
            witness: WitnessKey::new(ed25519_key(db, ring, WITNESS)?, identity),
            sealing: hpke::KeyPair::from_private(seed(db, ring, SEALING)?),
        })
    }
}

/// Makes the keys that every store had from the beginning; gives the one of the journal, which begins with it.
pub(crate) fn first(
    db: &Connection,
    ring: &mut KeyRing,
    entropy: &SystemEntropy,
    now: Timestamp,
    identity: &Identity,
) -> Result<JournalKey, VaultError> {
    let attester = p256::SigningKey::generate(entropy);
    let journal = ed25519::SigningKey::generate(entropy);
    store(db, ring, entropy, now, ATTESTATION, attester.to_pkcs8().expose())?;
    store(db, ring, entropy, now, JOURNAL, journal.to_seed().expose())?;
    Ok(JournalKey::new(journal, identity))
}

/// Makes the keys that came with the second schema.
pub(crate) fn second(
    db: &Connection,
    ring: &mut KeyRing,
    entropy: &SystemEntropy,
    now: Timestamp,
) -> Result<(), VaultError> {
    let witness = ed25519::SigningKey::generate(entropy);
    store(db, ring, entropy, now, WITNESS, witness.to_seed().expose())?;
    store(db, ring, entropy, now, SEALING, hpke::KeyPair::generate(entropy).private().expose())
}

pub(crate) fn cell(generation: u64) -> Cell<'static> {
    Cell::new("signing_key", "sealed", generation)
}

fn store(
    db: &Connection,
    ring: &mut KeyRing,
    entropy: &SystemEntropy,
    now: Timestamp,
    name: &str,
    key: &[u8],
) -> Result<(), VaultError> {
    let (generation, sealed) = ring.seal_direct(entropy, &Epoch::system(), cell, name.as_bytes(), key)?;
    db.execute(
        "INSERT INTO signing_key (name, generation, sealed, created) VALUES (?1, ?2, ?3, ?4)",
        params![name, generation as i64, sealed, now.as_millis()],
    )?;
    Ok(())
}

fn stored(db: &Connection, ring: &KeyRing, name: &'static str) -> Result<Secret<Vec<u8>>, VaultError> {
    let row = db
        .query_row("SELECT generation, sealed FROM signing_key WHERE name = ?1", [name], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    let (generation, sealed) =
        row.ok_or_else(|| VaultError::inconsistent("signing_key", name, "the row is missing"))?;
    let generation = u64::try_from(generation).unwrap_or(0);
    let mut plain = ring.open_direct(generation, &cell(generation).part(name.as_bytes()), &sealed)?;
    Ok(Secret::new(std::mem::take(&mut *plain)))
}

fn seed(db: &Connection, ring: &KeyRing, name: &'static str) -> Result<Secret<[u8; 32]>, VaultError> {
    let bytes = stored(db, ring, name)?;
    let seed = <[u8; 32]>::try_from(bytes.expose().as_slice())
        .map_err(|_| VaultError::inconsistent("signing_key", name, "not 32 bytes"))?;
    Ok(Secret::new(seed))
}

fn ed25519_key(db: &Connection, ring: &KeyRing, name: &'static str) -> Result<ed25519::SigningKey, VaultError> {
    let mut seed = *seed(db, ring, name)?.expose();
    let key = ed25519::SigningKey::from_seed(seed);
    seed.zeroize();
    Ok(key)
}
