//! The files of procedures, read once and kept: a page shows what is written in them without reading it again.
//!
//! A file is believed only if its own digest is the one that it is kept under: whoever sent it cannot speak for another.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use control_plane_domain::procedure::TextPlace;
use control_plane_store::Reads;
use crypto::Digest;
use ids::{RunnerId, TenantId};
use procedure::{Notation, Procedure};

use crate::{Error, Operations};

/// Bytes of files that are kept, at most. What is read out of a file takes several times its size.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Files that are kept, at most.
const MOST_FILES: usize = 512;

/// What a file came to.
#[derive(Debug, Clone)]
pub(super) enum Text {
    /// It is not here: its Runner's operator withholds it, or it was never sent.
    Withheld,
    /// It is here, and is none: why.
    Faulty(String),
    /// What is written in it.
    Read(Arc<Procedure>),
}

impl Text {
    pub(super) fn procedure(&self) -> Option<&Procedure> {
        match self {
            Self::Read(procedure) => Some(procedure),
            Self::Withheld | Self::Faulty(_) => None,
        }
    }
}

/// Files that were read. What one tenant sent is never another's answer, not even in how fast it comes.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    known: Mutex<Known>,
}

/// A file that is what its digest says is the same wherever it lies; one that is not is so where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Good(TenantId, Digest),
    Bad(TenantId, Digest, RunnerId, u64),
}

#[derive(Debug, Default)]
struct Known {
    files: HashMap<Key, Entry>,
    bytes: usize,
    now: u64,
}

#[derive(Debug)]
struct Entry {
    text: Text,
    bytes: usize,
    used: u64,
}

impl Known {
    fn get(&mut self, key: &Key) -> Option<Text> {
        self.now += 1;
        let entry = self.files.get_mut(key)?;
        entry.used = self.now;
        Some(entry.text.clone())
    }

    fn put(&mut self, key: Key, text: Text, bytes: usize) {
        self.now += 1;
        if let Some(before) = self.files.insert(key, Entry { text, bytes, used: self.now }) {
            self.bytes -= before.bytes;
        }
        self.bytes += bytes;
        while self.bytes > MOST_BYTES || self.files.len() > MOST_FILES {
            let oldest = self.files.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(gone) = oldest.and_then(|oldest| self.files.remove(&oldest)) else { break };
            self.bytes -= gone.bytes;
        }
    }
}

impl Texts {
    fn known(&self, key: &Key) -> Option<Text> {
        self.lock().get(key)
    }

    /// Reads a file and keeps what it came to.
    async fn read(&self, tenant: TenantId, digest: Digest, place: &TextPlace, source: Vec<u8>) -> Text {
        let (bytes, notation) = (source.len(), notation(place));
        // A file of the greatest size takes a while to read, and the runtime has others to serve.
        let read = tokio::task::spawn_blocking(move || read_file(&source, notation, &digest)).await;
        let text = read.unwrap_or_else(|_| Text::Faulty("it could not be read".to_owned()));
        let key = match &text {
            Text::Read(_) => Key::Good(tenant, digest),
            Text::Faulty(_) | Text::Withheld => bad(tenant, digest, place),
        };
        self.lock().put(key, text.clone(), bytes);
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bad(tenant: TenantId, digest: Digest, place: &TextPlace) -> Key {
    Key::Bad(tenant, digest, place.runner, place.bytes)
}

fn read_file(source: &[u8], notation: Notation, digest: &Digest) -> Text {
    match procedure::read(source, notation) {
        Ok(procedure) if procedure.digest() == *digest => Text::Read(Arc::new(procedure)),
        Ok(_) => Text::Faulty("the file that came is not the one with this digest".to_owned()),
        Err(faults) => {
            let first = faults.0.first().map(ToString::to_string).unwrap_or_default();
            Text::Faulty(format!("the file has {} faults; the first: {first}", faults.0.len()))
        }
    }
}

/// The notation that the Runner named; a file that is in neither is refused by the reader of either.
pub(super) fn notation(place: &TextPlace) -> Notation {
    if place.notation.as_str() == "markdown" { Notation::Markdown } else { Notation::Yaml }
}

impl Operations {
    /// The file of a procedure: this Runner's, or the same of another Runner; also when it is not installed any more.
    pub(super) async fn text(&self, reads: &Reads, runner: RunnerId, digest: &Digest) -> Result<Text, Error> {
        let places = reads.text_places(digest).await?;
        let (own, others): (Vec<_>, Vec<_>) = places.into_iter().partition(|place| place.runner == runner);
        self.text_at(reads, digest, own.into_iter().chain(others)).await
    }

    /// The files of several procedures, if there are any.
    pub(super) async fn texts_of(
        &self,
        reads: &Reads,
        digests: BTreeSet<Digest>,
    ) -> Result<BTreeMap<Digest, Text>, Error> {
        if digests.is_empty() { Ok(BTreeMap::new()) } else { self.texts(reads, &digests).await }
    }

    /// The files of several procedures, whichever Runner they came from.
    pub(super) async fn texts(
        &self,
        reads: &Reads,
        digests: &BTreeSet<Digest>,
    ) -> Result<BTreeMap<Digest, Text>, Error> {
        let mut texts = BTreeMap::new();
        for (digest, places) in reads.text_places_of(digests).await? {
            texts.insert(digest, self.text_at(reads, &digest, places.into_iter()).await?);
        }
        Ok(texts)
    }

    /// The files that are installed, each at the place where it was found; where that one is none, at any other.
    pub(super) async fn texts_installed(
        &self,
        reads: &Reads,
        files: &[(Digest, TextPlace)],
    ) -> Result<BTreeMap<Digest, Text>, Error> {
        let (mut texts, mut others) = (BTreeMap::new(), BTreeSet::new());
        for (digest, place) in files {
            let text = self.text_at(reads, digest, std::iter::once(place.clone())).await?;
            if text.procedure().is_none() {
                others.insert(*digest);
            }
            texts.insert(*digest, text);
        }
        if !others.is_empty() {
            texts.extend(self.texts(reads, &others).await?);
        }
        Ok(texts)
    }

    async fn text_at(
        &self,
        reads: &Reads,
        digest: &Digest,
        places: impl Iterator<Item = TextPlace>,
    ) -> Result<Text, Error> {
        let (tenant, texts) = (reads.tenant_id(), &self.0.texts);
        let mut found = Text::Withheld;
        for place in places {
            // Only now that somebody shows it: what is withheld everywhere is not shown from memory either.
            if let Some(good) = texts.known(&Key::Good(tenant, *digest)) {
                return Ok(good);
            }
            found = match texts.known(&bad(tenant, *digest, &place)) {
                Some(bad) => bad,
                None => {
                    let Some(source) = reads.text_at(digest, &place).await? else { continue };
                    texts.read(tenant, *digest, &place, source).await
                }
            };
            if matches!(found, Text::Read(_)) {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u16) -> Key {
        Key::Good(TenantId::NIL, crypto::digest::sha256(&n.to_be_bytes()))
    }

    fn place() -> TextPlace {
        TextPlace { runner: RunnerId::NIL, notation: "yaml".parse().unwrap(), is_past: false, bytes: 7 }
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut known = Known::default();
        for n in 0..4 {
            known.put(key(n), Text::Withheld, MOST_BYTES / 4);
        }
        assert!(known.get(&key(0)).is_some());
        known.put(key(4), Text::Withheld, MOST_BYTES / 4);
        assert!(known.get(&key(1)).is_none() && known.get(&key(0)).is_some());
        assert_eq!(known.bytes, known.files.values().map(|entry| entry.bytes).sum::<usize>());
        known.put(key(5), Text::Withheld, MOST_BYTES + 1);
        assert!(known.files.is_empty() && known.bytes == 0, "larger than all that is kept");
        for n in 0..600 {
            known.put(key(n), Text::Withheld, 1);
        }
        assert_eq!((known.files.len(), known.bytes), (MOST_FILES, MOST_FILES));
        known.put(key(599), Text::Withheld, 7);
        assert_eq!(known.bytes, MOST_FILES + 6, "the same file again");
    }

    #[tokio::test]
    async fn a_file_speaks_for_its_own_digest_alone() {
        let texts = Texts::default();
        let source = include_bytes!("../../../../tests/fixtures/examples/a-tls-endpoint.yaml");
        let digest = procedure::read(source, Notation::Yaml).unwrap().digest();
        let text = texts.read(TenantId::NIL, digest, &place(), source.to_vec()).await;
        assert_eq!(text.procedure().map(Procedure::digest), Some(digest));
        assert!(texts.known(&Key::Good(TenantId::NIL, digest)).is_some());
        let text = texts.read(TenantId::NIL, Digest::ZERO, &place(), source.to_vec()).await;
        assert!(matches!(text, Text::Faulty(_)), "{text:?}");
        assert!(texts.known(&Key::Good(TenantId::NIL, Digest::ZERO)).is_none());
        assert!(texts.known(&bad(TenantId::NIL, Digest::ZERO, &place())).is_some());
        let text = texts.read(TenantId::NIL, digest, &place(), b"- no procedure".to_vec()).await;
        assert!(matches!(&text, Text::Faulty(why) if why.contains("faults")), "{text:?}");
    }
}
