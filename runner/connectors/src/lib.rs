//! runner-connectors
