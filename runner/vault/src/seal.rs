//! What every sealed value is bound to: its full identity, so that one that was moved, swapped or taken from another
//! store does not open.

use crypto::Entropy;
use crypto::aead::{Context, SealingKey};
use ids::{ItemId, RunId, RunnerId, StoreId, TenantId};
use zeroize::Zeroizing;

use crate::VaultError;

/// Whose store it is; part of every context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The store.
    pub store: StoreId,
    /// The organisation; nil before enrolment.
    pub tenant: TenantId,
    /// The Runner.
    pub runner: RunnerId,
}

/// The place of one sealed value. What does not apply is nil, zero or empty; `part` holds what else identifies the value
/// and every clear column that must not be changed beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) run: RunId,
    pub(crate) item: ItemId,
    pub(crate) row: u64,
    pub(crate) generation: u64,
    pub(crate) media: &'static str,
    pub(crate) last: bool,
    pub(crate) part: &'a [u8],
}

impl<'a> Cell<'a> {
    pub(crate) fn new(table: &'static str, column: &'static str, generation: u64) -> Self {
        let (run, item) = (RunId::NIL, ItemId::NIL);
        Self { table, column, run, item, row: 0, generation, media: "bytes", last: true, part: &[] }
    }

    pub(crate) fn run(self, run: RunId) -> Self {
        Self { run, ..self }
    }

    pub(crate) fn item(self, item: ItemId) -> Self {
        Self { item, ..self }
    }

    pub(crate) fn row(self, row: u64) -> Self {
        Self { row, ..self }
    }

    pub(crate) fn part(self, part: &'a [u8]) -> Self {
        Self { part, ..self }
    }

    pub(crate) fn context(&self, identity: &Identity) -> Context {
        Context::new("proctor/v1")
            .field(identity.store.as_bytes())
            .field(identity.tenant.as_bytes())
            .field(identity.runner.as_bytes())
            .field(self.table.as_bytes())
            .field(self.column.as_bytes())
            .field(self.run.as_bytes())
            .field(self.item.as_bytes())
            .number(self.row)
            .number(self.generation)
            .field(self.media.as_bytes())
            .field(&[u8::from(self.last)])
            .field(self.part)
    }

    pub(crate) fn seal(
        &self,
        identity: &Identity,
        key: &SealingKey,
        entropy: &dyn Entropy,
        plaintext: &[u8],
    ) -> Vec<u8> {
        key.seal(entropy, &self.context(identity), plaintext)
    }

    pub(crate) fn open(
        &self,
        identity: &Identity,
        key: &SealingKey,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match key.open(&self.context(identity), sealed) {
            Ok(plaintext) => Ok(Zeroizing::new(plaintext)),
            Err(_) => Err(VaultError::tampered(self.table, self.column, self.name())),
        }
    }

    fn name(&self) -> String {
        let mut name = Vec::new();
        if self.run != RunId::NIL {
            name.push(format!("run {}", self.run));
        }
        if self.item != ItemId::NIL {
            name.push(format!("item {}", self.item));
        }
        name.push(format!("row {}, key generation {}", self.row, self.generation));
        name.join(", ")
    }
}

/// Clear values that a sealed one is bound to: each with its length before it, absent ones told apart from empty ones.
#[derive(Debug, Default)]
pub(crate) struct Part(Vec<u8>);

impl Part {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(128))
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.push(1);
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn number(self, number: i64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(crate) fn optional_text(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(text),
            None => self.absent(),
        }
    }

    pub(crate) fn optional_number(self, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.number(number),
            None => self.absent(),
        }
    }

    fn absent(mut self) -> Self {
        self.0.push(0);
        self
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::{Secret, SystemEntropy};

    #[test]
    fn a_value_opens_in_its_own_cell_alone() {
        let entropy = SystemEntropy::new();
        let key = SealingKey::new(&Secret::random(&entropy));
        let id = |n| Identity {
            store: StoreId::from_parts(n, [0; 10]),
            tenant: TenantId::NIL,
            runner: RunnerId::from_parts(1, [1; 10]),
        };
        let run = RunId::from_parts(1, [2; 10]);
        let cell = Cell::new("chunk", "sealed", 3).run(run).row(7).part(b"x");
        let sealed = cell.seal(&id(1), &key, &entropy, b"row");
        assert_eq!(cell.open(&id(1), &key, &sealed).unwrap().as_slice(), b"row");
        let item = ItemId::from_parts(1, [3; 10]);
        for (identity, other) in [
            (id(2), cell),
            (id(1), Cell { table: "item", ..cell }),
            (id(1), Cell { column: "head", ..cell }),
            (id(1), cell.run(RunId::NIL)),
            (id(1), cell.item(item)),
            (id(1), cell.row(8)),
            (id(1), Cell { generation: 4, ..cell }),
            (id(1), Cell { media: "rows", ..cell }),
            (id(1), Cell { last: false, ..cell }),
            (id(1), cell.part(b"y")),
        ] {
            assert_eq!(other.open(&identity, &key, &sealed).unwrap_err().code(), "E-VAULT-013");
        }
    }

    #[test]
    fn parts_of_different_lists_differ() {
        let a = Part::new().text("ab").optional_text(None);
        let b = Part::new().text("a").text("b");
        let c = Part::new().text("ab").optional_text(Some(""));
        assert!(a.as_bytes() != b.as_bytes() && a.as_bytes() != c.as_bytes());
    }
}
