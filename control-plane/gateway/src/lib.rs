//! The line's far end.
