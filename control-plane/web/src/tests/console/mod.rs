//! The console over real operations and a real database, as browsers and those who pretend to be one ask it.

mod account;
mod again;
mod assets;
pub(super) mod browser;
mod colours;
mod cover;
mod entrance;
mod evidence;
mod forms;
mod headers;
mod html;
mod keepers;
mod lasting;
mod pages;
mod results;
mod standing;
