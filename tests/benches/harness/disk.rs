//! What the disk takes to make a little durable: under every number that ends in a commit.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{Cost, Outcome, cost};

/// Appends in one measurement.
const APPENDS: usize = 32;

/// A file that is appended to and made durable.
pub(crate) struct Disk(File);

impl Disk {
    pub(crate) fn new(folder: &Path) -> Outcome<Self> {
        Ok(Self(File::create(folder.join("floor"))?))
    }

    /// What a page and an `fdatasync` cost.
    pub(crate) fn append(&mut self) -> Outcome<Cost> {
        let (spent, ()) = cost(|| (0..APPENDS).try_for_each(|_| self.page()))?;
        Ok(spent.each(APPENDS))
    }

    /// The same once, without measuring it.
    pub(crate) fn page(&mut self) -> Outcome<()> {
        self.0.write_all(&[0x5a; 4096])?;
        Ok(self.0.sync_data()?)
    }
}
