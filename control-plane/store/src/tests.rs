//! Tests of the statements and schemas themselves.
