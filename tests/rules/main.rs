//! The rules of the house as tests: who may depend on whom, what may not be linked at all, how large a file may be.

mod dependencies;
mod sizes;
mod tree;
