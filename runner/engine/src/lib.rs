//! runner-engine
