//! Which runs are being executed by this process, so that no two threads go on with the same one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use ids::RunId;

use crate::fail::Fail;

/// Code of the error that says so.
pub(crate) const CODE: &str = "E-RUN-034";

/// The runs that are taken.
#[derive(Clone, Default)]
pub(crate) struct Claims(Arc<Mutex<BTreeSet<RunId>>>);

impl Claims {
    /// Takes a run for as long as the claim lives.
    pub(crate) fn take(&self, run: RunId) -> Result<Claim, Fail> {
        // A set of ids is whole whatever happened to the thread that held it.
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run) {
            return Ok(Claim { claims: self.clone(), run });
        }
        let message = format_args!("run {run} is being executed at this moment").to_string();
        Err(Fail::input(CODE, message, "wait until it pauses or ends; `proctor-runner runs` shows it"))
    }
}

/// A run that is taken.
pub(crate) struct Claim {
    claims: Claims,
    run: RunId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_taken_once() {
        let claims = Claims::default();
        let run = RunId::from_parts(1, [7; 10]);
        let held = claims.take(run).unwrap();
        assert_eq!(claims.clone().take(run).map(drop).unwrap_err().code, CODE);
        drop(held);
        claims.take(run).unwrap();
    }
}
