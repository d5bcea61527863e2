//! The messages of the line.
