//! Keys to the API: one's own, and everybody's for those who manage them. A key's text is shown once.

pub(super) mod list;
pub(super) mod new;
mod scope;

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    [list::samples(), new::samples()].into_iter().flatten().collect()
}
