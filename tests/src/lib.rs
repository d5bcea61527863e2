//! Harness of the end-to-end tests: real processes of the built binaries in folders of their own.
