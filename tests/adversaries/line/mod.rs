//! The control plane with all its keys breaks the rules of the line: what it claims to have, to have seen, to have asked.

mod audit;
mod certificates;
mod messages;
mod procedures;

use crate::evil::{Scene, Session};

/// Ends this session and begins another one, at a Runner that has forgotten that it waits.
fn next(scene: &mut Scene, session: Session) -> Session {
    drop(session);
    scene.session_after_restart()
}
