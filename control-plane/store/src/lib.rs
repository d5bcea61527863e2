//! The control plane's store.
