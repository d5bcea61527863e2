//! One run: its verdict and everything that stands behind it.

mod choose;
mod download;
mod proof;
mod show;
mod table;
mod under_way;

use crate::console::route::PageRoute;

pub(crate) fn routes() -> impl Iterator<Item = &'static PageRoute> {
    [show::ROUTES, choose::ROUTES, download::ROUTES].into_iter().flatten()
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    [show::samples(), choose::samples(), under_way::samples()].into_iter().flatten().collect()
}
