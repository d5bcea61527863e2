//! `readers`: devices of people who may open evidence over the line.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::enrolment::Fingerprint;
use crypto::ed25519::VerifyingKey;
use ids::PersonId;
use proof::text::FreeText;
use runner_vault::{MAX_READER_DAYS, NewReader, PendingReader};
use serde_json::json;

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::files;
use crate::wiring::runner::{Mode, Runner};

/// Who may open evidence of this Runner over the line. A person's device has a key of its own; its fingerprint is told by
/// the person and compared here. A key that the control plane merely claims opens nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner readers list
  proctor-runner readers approve 3f2a-91bc-0d17-55e0-8a44-c3b1-7e29-f60d-12ab-9c3d-77f0-e51c-204b-d8a6-0f93-6b7e --label 'Ann, laptop'
  proctor-runner readers revoke 3f2a91bc0d1755e08a44c3b17e29f60d12ab9c3d77f0e51c204bd8a60f936b7e")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List approved devices, and devices that asked and are not approved.
    #[command(after_help = "Example:
  proctor-runner readers list --json")]
    List,
    /// Approve a device; journalled. A device that asked already is known; for another one its person must be named.
    #[command(after_help = "Examples:
  proctor-runner readers approve 3f2a91bc0d1755e08a44c3b17e29f60d12ab9c3d77f0e51c204bd8a60f936b7e --label 'Ann, laptop'
  proctor-runner readers approve --key-file ann.pem --person 019aa7f0-0000-7000-8000-000000000003 --label 'Ann, laptop'")]
    Approve {
        #[command(flatten)]
        device: Device,
        /// The person, as the control plane knows them.
        #[arg(long, value_name = "PERSON")]
        person: Option<PersonId>,
        /// Whose device it is, in your words.
        #[arg(long, value_name = "TEXT")]
        label: FreeText,
        /// Days until it must be approved again, at most 90.
        #[arg(long, value_name = "DAYS", default_value_t = MAX_READER_DAYS, value_parser = clap::value_parser!(u32).range(1..=90))]
        days: u32,
    },
    /// Revoke a device at once; journalled.
    #[command(after_help = "Example:
  proctor-runner readers revoke 3f2a91bc0d1755e08a44c3b17e29f60d12ab9c3d77f0e51c204bd8a60f936b7e")]
    Revoke {
        /// Fingerprint of its key.
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: Fingerprint,
    },
}

/// Which device.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Device {
    /// Fingerprint of its key, as the person reads it to you.
    #[arg(value_name = "FINGERPRINT")]
    fingerprint: Option<Fingerprint>,
    /// Its public key, PEM.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl Args {
    /// Whether a device is approved or revoked.
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.action, Action::List)
    }
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::List => list(place),
        Action::Approve { device, person, label, days } => approve(&device, person, label, days, place),
        Action::Revoke { fingerprint } => revoke(&fingerprint, place),
    }
}

fn list(place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let (readers, pending) = runner.store.with(|store| Ok((store.readers()?, store.pending_readers()?)))?;
    let now = runner.clock.now();
    let (mut rows, mut approved) = (Vec::new(), Vec::new());
    for reader in &readers {
        let state = match reader.revoked {
            Some(_) => "revoked",
            None if reader.expires <= now => "expired",
            None => "approved",
        };
        rows.push(vec![
            reader.label.as_str().into(),
            reader.person.into(),
            state.into(),
            reader.expires.into(),
            Fingerprint::new(reader.device).into(),
        ]);
        approved.push(json!({
            "fingerprint": reader.device, "person": reader.person, "label": reader.label, "state": state,
            "approved": reader.approved, "expires": reader.expires, "revoked": reader.revoked,
        }));
    }
    let mut asked = Vec::new();
    for PendingReader { device, person, role, first_seen, last_seen, count, .. } in &pending {
        rows.push(vec![
            format!("(asked {count} times as {role})").into(),
            person.into(),
            "not approved".into(),
            "".into(),
            Fingerprint::new(*device).into(),
        ]);
        asked.push(json!({
            "fingerprint": device, "person": person, "role": role, "first_seen": first_seen, "last_seen": last_seen,
            "count": count,
        }));
    }
    if rows.is_empty() {
        place.out.line("no devices: nobody opens evidence of this Runner over the line");
    } else {
        place.out.table(&["device", "person", "state", "until", "fingerprint"], rows);
    }
    if !asked.is_empty() {
        place.out.line("Compare a fingerprint with the person before you approve it: proctor-runner readers approve FINGERPRINT --label …");
    }
    place.out.json(&json!({"readers": approved, "pending": asked}));
    Ok(Exit::Pass)
}

fn approve(device: &Device, person: Option<PersonId>, label: FreeText, days: u32, place: &Place) -> Result<Exit, Fail> {
    let given = device.key_file.as_ref().map(|file| {
        let bytes = files::given(file, files::SMALL)?;
        from_pem(&bytes).ok_or_else(|| {
            let message = format_args!("{} is not an Ed25519 public key in PEM", file.display()).to_string();
            Fail::input("E-READER-001", message, "`proctor-verify device` on the person's machine writes it")
        })
    });
    let key = given.transpose()?;
    let runner = Runner::open(place, Mode::Write)?;
    let device = match (&device.fingerprint, &key) {
        (Some(fingerprint), _) => fingerprint.digest(),
        (None, Some(key)) => key.key_id(),
        (None, None) => return Err(unknown_person()),
    };
    let asked = runner.store.with(|store| store.pending_readers())?.into_iter().find(|one| one.device == device);
    let known = runner.store.with(|store| store.readers())?.into_iter().find(|one| one.device == device);
    let claimed = asked.as_ref().map(|asked| asked.person).or(known.map(|known| known.person));
    let person = match (person, claimed) {
        (Some(person), Some(claimed)) if person != claimed => {
            let message = format!("the device asked for {claimed}, not for {person}");
            return Err(Fail::input("E-READER-002", message, "ask the person which of the two is theirs"));
        }
        (Some(person), _) | (None, Some(person)) => person,
        (None, None) => return Err(unknown_person()),
    };
    let new = NewReader { device, key: key.or(asked.map(|asked| asked.key)), person, label, days };
    let seq = runner.store.with(|store| store.approve_reader(&new, None))?;
    let fingerprint = Fingerprint::new(device);
    place.out.line(format_args!("approved for {days} days: {} of person {person}", new.label));
    place.out.line(format_args!("fingerprint {fingerprint}"));
    place.out.json(&json!({"fingerprint": device, "person": person, "label": new.label, "days": days, "seq": seq}));
    Ok(Exit::Pass)
}

/// An Ed25519 SubjectPublicKeyInfo in PEM.
fn from_pem(bytes: &[u8]) -> Option<VerifyingKey> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let inner = text.strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
    let base64: String = inner.split_ascii_whitespace().collect();
    VerifyingKey::from_spki(&STANDARD.decode(base64).ok()?).ok()
}

fn unknown_person() -> Fail {
    let next = "name the person with --person, or have them ask once: `readers list` shows who asked";
    Fail::input("E-READER-003", "no request of this device was seen, so nobody knows whose it is", next)
}

fn revoke(fingerprint: &Fingerprint, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let device = fingerprint.digest();
    let seq = runner.store.with(|store| store.revoke_reader(&device, None))?;
    place.out.line(format_args!("revoked: {fingerprint}"));
    place.out.json(&json!({"fingerprint": device, "seq": seq}));
    Ok(Exit::Pass)
}
