//! One procedure as it is installed at one Runner: its text for reading, its history, and a run on request.

mod request;
mod show;

use crate::console::route::PageRoute;

pub(crate) fn routes() -> impl Iterator<Item = &'static PageRoute> {
    [show::ROUTES, request::ROUTES].into_iter().flatten()
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    [show::samples(), request::samples()].into_iter().flatten().collect()
}
