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

    /// One page and one `fdatasync`.
    pub(crate) fn append(&mut self) -> Outcome<Cost> {
        let page = [0x5a; 4096];
        let (spent, ()) = cost(|| {
            for _ in 0..APPENDS {
                self.0.write_all(&page)?;
                self.0.sync_data()?;
            }
            Ok(())
        })?;
        Ok(spent.each(APPENDS))
    }
}
