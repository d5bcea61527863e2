//! Keeping plaintext keys out of core dumps and away from debuggers.

use nix::sys::resource::{Resource, setrlimit};

use crate::VaultError;

/// Forbids core dumps of this process and, on Linux, reading its memory through `/proc` or ptrace by others of the same
/// account. To be called before a root key is read.
pub fn harden_process() -> Result<(), VaultError> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|error| VaultError::Harden(error.to_string()))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    nix::sys::prctl::set_dumpable(false).map_err(|error| VaultError::Harden(error.to_string()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardened_process_leaves_no_core() {
        harden_process().unwrap();
        assert_eq!(nix::sys::resource::getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
        #[cfg(target_os = "linux")]
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
    }
}
