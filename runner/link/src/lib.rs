//! The Runner's end of the line.
