//! runner-evidence
