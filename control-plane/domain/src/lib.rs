//! The control plane's rules.
