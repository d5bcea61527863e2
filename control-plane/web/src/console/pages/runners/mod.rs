//! Runners: which there are and how they are, one of them, and what is done to them.

pub(super) mod act;
pub(super) mod add;
mod health;
pub(super) mod list;
pub(super) mod one;
#[cfg(test)]
pub(crate) mod sample;
pub(super) mod token;

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    [list::samples(), add::samples(), one::samples(), act::samples()].into_iter().flatten().collect()
}
