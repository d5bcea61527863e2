//! How many items ended in which status.

use crate::Status;

/// Items of a check, or of all checks of a run, by measured status. `excepted` counts those of `fail` that an approved
/// exception covers; it is an overlay, so the other five alone add up to the number of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// The assertion holds.
    pub pass: u64,
    /// The assertion does not hold, excepted or not.
    pub fail: u64,
    /// Not measured.
    pub error: u64,
    /// Waiting for a person.
    pub pending: u64,
    /// The check does not apply.
    pub not_applicable: u64,
    /// Of `fail`: covered by an exception.
    pub excepted: u64,
}

impl Counts {
    /// Items that were measured or should have been: all but the not-applicable ones.
    pub fn applicable(&self) -> u64 {
        self.pass.saturating_add(self.fail).saturating_add(self.error).saturating_add(self.pending)
    }

    /// Adds the counts of another check.
    pub fn add(&mut self, other: &Self) {
        self.pass = self.pass.saturating_add(other.pass);
        self.fail = self.fail.saturating_add(other.fail);
        self.error = self.error.saturating_add(other.error);
        self.pending = self.pending.saturating_add(other.pending);
        self.not_applicable = self.not_applicable.saturating_add(other.not_applicable);
        self.excepted = self.excepted.saturating_add(other.excepted);
    }

    /// The status of a check with these items: the first of fail (without exception), error, pending, excepted, pass,
    /// not applicable that any item has. A check without any item is an error; the caller decides before asking
    /// whether an empty list is declared to be fine.
    pub fn status(&self) -> Status {
        if self.fail > self.excepted {
            Status::Fail
        } else if self.error > 0 {
            Status::Error
        } else if self.pending > 0 {
            Status::Pending
        } else if self.excepted > 0 {
            Status::Excepted
        } else if self.pass > 0 {
            Status::Pass
        } else if self.not_applicable > 0 {
            Status::NotApplicable
        } else {
            Status::Error
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_applies_decides() {
        let all = Counts { pass: 1, fail: 2, error: 1, pending: 1, not_applicable: 1, excepted: 1 };
        assert_eq!(all.status(), Status::Fail);
        let excepted = Counts { excepted: 2, ..all };
        assert_eq!(excepted.status(), Status::Error);
        assert_eq!(Counts { error: 0, ..excepted }.status(), Status::Pending);
        assert_eq!(Counts { error: 0, pending: 0, ..excepted }.status(), Status::Excepted);
        assert_eq!(Counts { pass: 1, not_applicable: 9, ..Counts::default() }.status(), Status::Pass);
        assert_eq!(Counts { not_applicable: 9, ..Counts::default() }.status(), Status::NotApplicable);
        assert_eq!(Counts::default().status(), Status::Error);
    }
}
