//! runner-vault
