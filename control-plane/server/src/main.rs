//! The binary `proctor-control-plane`.

fn main() {}
