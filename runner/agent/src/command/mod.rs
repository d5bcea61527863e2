//! One file a command: its arguments, its refusals, what it prints. Wiring to the rooms is in [`crate::wiring`].
