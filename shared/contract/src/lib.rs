//! The words that may cross the line.
