//! The store as a whole: creating it, opening it, and the one way to write to it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clock::{Clock, Timestamp};
use crypto::{SystemEntropy, entropy::random_bytes, hpke, p256};
use ids::{RunnerId, StoreId, TenantId};
use proof::log::journal::JournalRecord;
use proof::note::VerifierKey;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::files::{self, Lock};
use crate::journal;
use crate::keys::{Epoch, KeyRing};
use crate::line::{self, Counted};
use crate::own_keys::{self, OwnKeys};
use crate::provider::{Provider, RootKey, SealLevel};
use crate::schema::Tables;
use crate::seal::Identity;
use crate::writer::Writer;
use crate::{Retention, VaultError, schema};

/// The files of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The database.
    pub store: PathBuf,
    /// What keeps a second writer out.
    pub lock: PathBuf,
    /// The newest checkpoint of the journal. Best kept where whoever can put an old database back cannot write.
    pub checkpoint: PathBuf,
}

impl Files {
    /// The usual names in one folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            store: folder.join("store.db"),
            lock: folder.join("store.lock"),
            checkpoint: folder.join("journal.checkpoint"),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        match self.store.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }
}

/// What the operator may set.
#[derive(Debug, Clone)]
pub struct Options {
    /// Days that runs of each retention class are kept after they ended.
    pub retention: RetentionDays,
    /// How many records of the journal may wait for the control plane before no new run begins.
    pub outbox_limit: u64,
    /// How many bytes may wait, manifests and attestations included.
    pub outbox_bytes: u64,
}

/// Days of each retention class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionDays {
    /// Of [`Retention::Operational`].
    pub operational: u32,
    /// Of [`Retention::Audit`].
    pub audit: u32,
    /// Of [`Retention::Statutory`].
    pub statutory: u32,
}

impl RetentionDays {
    /// Days of a class.
    pub const fn of(&self, class: Retention) -> u32 {
        match class {
            Retention::Operational => self.operational,
            Retention::Audit => self.audit,
            Retention::Statutory => self.statutory,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let retention = RetentionDays { operational: 90, audit: 3 * 365 + 1, statutory: 7 * 365 + 2 };
        Self { retention, outbox_limit: 1_000_000, outbox_bytes: 8 << 30 }
    }
}

/// Whether the store may be worked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It may.
    Ready,
    /// It is older than its checkpoint or than what the control plane holds of it, or another one; why is said inside.
    /// Nothing runs and nothing is opened until the Runner's operator acknowledges it.
    Rollback(String),
}

/// The Runner's store, open.
pub struct Vault {
    pub(crate) db: Connection,
    pub(crate) ring: KeyRing,
    pub(crate) identity: Identity,
    pub(crate) keys: OwnKeys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: SystemEntropy,
    pub(crate) files: Files,
    pub(crate) options: Options,
    pub(crate) condition: Condition,
    pub(crate) seal_level: SealLevel,
    pub(crate) checkpoint_stale: bool,
    pub(crate) counted: Cell<Counted>,
    lock: Option<Lock>,
}

impl Vault {
    /// Makes a store and opens it. The provider's key file or header is made if it is missing; nothing that exists is
    /// overwritten, and a crash on the way leaves no half-made store behind.
    pub fn create(
        files: &Files,
        provider: &Provider,
        tenant: TenantId,
        runner: RunnerId,
        options: Options,
        clock: Arc<dyn Clock>,
        entropy: SystemEntropy,
    ) -> Result<Self, VaultError> {
        let lock = Lock::take(&files.lock)?;
        for existing in [&files.store, &files.checkpoint] {
            if existing.exists() {
                return Err(VaultError::Exists(existing.clone()));
            }
        }
        provider.prepare(&entropy)?;
        let root = provider.root_key(files.folder())?;
        let now = clock.now();
        let store = StoreId::from_parts(u64::try_from(now.as_millis()).unwrap_or(0), random_bytes(&entropy));
        let identity = Identity { store, tenant, runner };
        let unfinished = files::beside(&files.store, ".new");
        remove_database(&unfinished)?;
        // Private before SQLite opens it; it gives the write-ahead log and its index the mode of the database.
        files::create(&unfinished, b"").map_err(|error| VaultError::file(&unfinished, error))?;
        let db = schema::create(&unfinished)?;
        fill(&db, &identity, &root, now, &entropy)?;
        // Closing moves everything from the write-ahead log into the file.
        db.close().map_err(|(_, error)| VaultError::from(error))?;
        std::fs::rename(&unfinished, &files.store)
            .and_then(|()| files::sync_folder(&files.store))
            .map_err(|error| VaultError::file(&files.store, error))?;
        let mut vault = Self::load(files, root, provider, options, clock, entropy, Some(lock))?;
        let runner_key = vault.keys.attester.verifying_key().key_id();
        let writer = vault.begin()?;
        writer.with_journal(&JournalRecord::Started { store, tenant, runner, runner_key })?;
        Ok(vault)
    }

    /// Opens a store for writing; one process at a time can.
    pub fn open(
        files: &Files,
        provider: &Provider,
        options: Options,
        clock: Arc<dyn Clock>,
        entropy: SystemEntropy,
    ) -> Result<Self, VaultError> {
        if !files.store.exists() {
            return Err(VaultError::NoStore(files.store.clone()));
        }
        let lock = Lock::take(&files.lock)?;
        let root = provider.root_key(files.folder())?;
        Self::load(files, root, provider, options, clock, entropy, Some(lock))
    }

    /// Opens a store for reading, also beside a process that writes. What must be journalled, such as opening evidence,
    /// is refused.
    pub fn open_read_only(
        files: &Files,
        provider: &Provider,
        options: Options,
        clock: Arc<dyn Clock>,
        entropy: SystemEntropy,
    ) -> Result<Self, VaultError> {
        if !files.store.exists() {
            return Err(VaultError::NoStore(files.store.clone()));
        }
        if schema::open_read_only(&files.store)?.1 != Tables::Current {
            // Nobody can read it as it is; whoever may open it may also bring it up to date, unless a process of the
            // earlier version has it.
            let (clock, entropy) = (clock.clone(), entropy.clone());
            drop(Self::open(files, provider, options.clone(), clock, entropy)?);
        }
        let root = provider.root_key(files.folder())?;
        Self::load(files, root, provider, options, clock, entropy, None)
    }

    fn load(
        files: &Files,
        root: RootKey,
        provider: &Provider,
        options: Options,
        clock: Arc<dyn Clock>,
        entropy: SystemEntropy,
        lock: Option<Lock>,
    ) -> Result<Self, VaultError> {
        let (db, tables) =
            if lock.is_some() { schema::open(&files.store)? } else { schema::open_read_only(&files.store)? };
        let identity = read_identity(&db, &root, provider)?;
        let mut ring = KeyRing::load(&db, &root.key, identity)?;
        if tables != Tables::Current {
            migrate(&db, tables, &mut ring, &identity, &entropy, clock.now())?;
        }
        let keys = OwnKeys::read(&db, &ring, &identity, &entropy)?;
        let (mut condition, checkpoint_stale) = journal::compare_with_checkpoint(&db, &keys.journal, files)?;
        if condition == Condition::Ready {
            let told = line::stored_rollback(&db)?;
            let why = if told.is_some() { told } else { line::compare_with_cosigned(&db, &keys.journal)? };
            condition = why.map_or(Condition::Ready, Condition::Rollback);
        }
        let mut vault = Self {
            db,
            ring,
            identity,
            keys,
            clock,
            entropy,
            files: files.clone(),
            options,
            condition,
            seal_level: root.level,
            checkpoint_stale,
            counted: Cell::default(),
            lock,
        };
        if vault.lock.is_some() {
            vault.refresh_checkpoint()?;
            if vault.condition == Condition::Ready {
                match vault.close_interrupted() {
                    // Whoever makes room needs the store open. The receipts are owed until the next start.
                    Err(error @ (VaultError::DiskFull | VaultError::ReadOnlyMedia)) => {
                        tracing::warn!(%error, "answers that were cut off are not receipted now");
                    }
                    closed => closed?,
                }
            }
        }
        Ok(vault)
    }

    /// Whose store it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// What the root key's provider stops.
    pub fn seal_level(&self) -> SealLevel {
        self.seal_level
    }

    /// Whether the store may be worked with.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Whether it was opened for writing.
    pub fn is_writable(&self) -> bool {
        self.lock.is_some()
    }

    /// The key that verifies attestations.
    pub fn attestation_key(&self) -> p256::VerifyingKey {
        self.keys.attester.verifying_key()
    }

    /// The key that verifies this Runner's cosignatures of the audit log.
    pub fn witness_key(&self) -> &VerifierKey {
        self.keys.witness.verifier()
    }

    /// The key to which something can be sealed for this Runner alone.
    pub fn sealing_key(&self) -> hpke::PublicKey {
        self.keys.sealing.public()
    }

    /// The key that verifies checkpoints of the journal; its text is a C2SP verifier key.
    pub fn journal_key(&self) -> &VerifierKey {
        self.keys.journal.verifier()
    }

    /// What the operator set.
    pub fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One state of the store for several reads, while another process may write.
    pub(crate) fn snapshot(&self) -> Result<Transaction<'_>, VaultError> {
        Ok(self.db.unchecked_transaction()?)
    }

    /// Refuses in state `ROLLBACK`.
    pub(crate) fn check_ready(&self) -> Result<(), VaultError> {
        match &self.condition {
            Condition::Ready => Ok(()),
            Condition::Rollback(why) => Err(VaultError::Rollback(why.clone())),
        }
    }

    /// A transaction. Refuses where the store may not be written to, and where the checkpoint of the last one is still
    /// not in its file: otherwise more and more could be rolled back unseen.
    pub(crate) fn begin(&mut self) -> Result<Writer<'_>, VaultError> {
        self.check_ready()?;
        self.begin_in_any_condition()
    }

    pub(crate) fn begin_in_any_condition(&mut self) -> Result<Writer<'_>, VaultError> {
        self.check_writable()?;
        self.refresh_checkpoint()?;
        Writer::begin(self)
    }

    pub(crate) fn check_writable(&self) -> Result<(), VaultError> {
        if self.is_writable() { Ok(()) } else { Err(VaultError::OpenedReadOnly) }
    }

    /// Counts wraps in advance, before a transaction makes them.
    pub(crate) fn reserve(&mut self, epoch: &Epoch, count: usize) -> Result<(), VaultError> {
        self.check_writable()?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.ring.reserve(&self.db, &self.entropy, self.clock.now(), epoch, count)
    }

    /// Moves the write-ahead log into the database and cuts it to nothing, so that what was deleted is in neither.
    pub(crate) fn truncate_wal(&self) -> Result<(), VaultError> {
        let busy: i64 = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy != 0 {
            tracing::warn!("the write-ahead log could not be cut: a reader is in the way; the next upkeep tries again");
        }
        Ok(())
    }

    fn refresh_checkpoint(&mut self) -> Result<(), VaultError> {
        if self.checkpoint_stale && self.condition == Condition::Ready {
            let note = journal::stored_checkpoint(&self.db)?;
            let path = &self.files.checkpoint;
            files::replace(path, note.as_bytes()).map_err(|error| match VaultError::file(path, error) {
                VaultError::File { path, source } => VaultError::CheckpointFile { path, why: source.to_string() },
                full_or_read_only => full_or_read_only,
            })?;
            self.checkpoint_stale = false;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({:?}, {:?})", self.files.store, self.condition)
    }
}

/// The first rows of a new store: its identity, its first keys, an empty journal.
fn fill(
    db: &Connection,
    identity: &Identity,
    root: &RootKey,
    now: Timestamp,
    entropy: &SystemEntropy,
) -> Result<(), VaultError> {
    db.execute(
        "INSERT INTO store (one, store, tenant, runner, created, root_check, seal_level) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            identity.store.as_bytes(),
            identity.tenant.as_bytes(),
            identity.runner.as_bytes(),
            now.as_millis(),
            KeyRing::root_check(&root.key, identity),
            root.level.name()
        ],
    )?;
    let mut ring = KeyRing::new(&root.key, *identity);
    ring.reserve(db, entropy, now, &Epoch::system(), own_keys::FIRST + own_keys::SECOND)?;
    let journal = own_keys::first(db, &mut ring, entropy, now, identity)?;
    own_keys::second(db, &mut ring, entropy, now)?;
    journal::begin(db, &journal)
}

fn read_identity(db: &Connection, root: &RootKey, provider: &Provider) -> Result<Identity, VaultError> {
    let row = db.query_row("SELECT store, tenant, runner, root_check FROM store", [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?))
    });
    let (store, tenant, runner, check) =
        row.optional()?.ok_or_else(|| VaultError::inconsistent("store", 1, "the row is missing"))?;
    let identity = Identity {
        store: StoreId::from_bytes(store),
        tenant: TenantId::from_bytes(tenant),
        runner: RunnerId::from_bytes(runner),
    };
    if crypto::equal_constant_time(&KeyRing::root_check(&root.key, &identity), &check) {
        Ok(identity)
    } else {
        Err(VaultError::WrongRootKey { provider: provider.to_string() })
    }
}

/// Brings a store with earlier tables up to date. In one transaction: it is of the one kind or of the other.
fn migrate(
    db: &Connection,
    found: Tables,
    ring: &mut KeyRing,
    identity: &Identity,
    entropy: &SystemEntropy,
    now: Timestamp,
) -> Result<(), VaultError> {
    let secrets: i64 = db.query_row("SELECT count(*) FROM secret", [], |row| row.get(0))?;
    ring.reserve(db, entropy, now, &Epoch::system(), own_keys::SECOND.saturating_add(secrets))?;
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let secrets = schema::migrate(&transaction, found)?;
    if found == Tables::First {
        own_keys::second(&transaction, ring, entropy, now)?;
    }
    let keys = OwnKeys::read(&transaction, ring, identity, entropy)?;
    secrets.adopt(&transaction, ring, &keys, entropy, now)?;
    transaction.commit()?;
    Ok(())
}

/// Removes what a crash while a store was made left behind.
fn remove_database(path: &Path) -> Result<(), VaultError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let path = files::beside(path, suffix);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(VaultError::file(&path, error)),
            _ => {}
        }
    }
    Ok(())
}
