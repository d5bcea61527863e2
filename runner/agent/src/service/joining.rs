//! The identity of this Runner, once an administrator has approved it.

use std::sync::Arc;

use runner_link::enrolment::{EnrolmentEnd, EnrolmentNews, Patience};
use runner_link::{Identity, LinkState, Trouble};

use super::hands::Shared;
use crate::fail::Fail;
use crate::wiring::enrolment::{self, Pending};

/// The identity; where an application waits for its approval, this waits with it, since the operator made it later than
/// any identity. `None` where nobody ever enrolled.
pub(super) async fn identity(shared: &Shared) -> Result<Option<Identity>, Fail> {
    let identity = enrolment::identity(&shared.runner)?;
    let Some(pending) = enrolment::pending(&shared.runner)? else { return Ok(identity) };
    match (approved(shared, &pending).await, identity) {
        (Err(fail), Some(identity)) => {
            tracing::warn!(code = fail.code, next = fail.next, "the application came to nothing; the identity stays");
            let now = shared.runner.clock.now();
            shared.board.note(|facts| facts.trouble = Some((now, fail.code)));
            Ok(Some(identity))
        }
        (approved, _) => approved,
    }
}

async fn approved(shared: &Shared, pending: &Pending) -> Result<Option<Identity>, Fail> {
    let runner = &shared.runner;
    let dialer = runner.config.control_plane.dialer(&runner.dir)?;
    tracing::info!(control_plane = %pending.application.address(), "enrolment waits for its approval");
    let mut say = |news: EnrolmentNews<'_>| match news {
        EnrolmentNews::Asking => {}
        EnrolmentNews::AwaitingApproval { .. } => {
            tracing::debug!("enrolment still waits for its approval");
            shared.board.note(|facts| facts.line = None);
        }
        EnrolmentNews::Trouble { error, next_try_ms } => {
            tracing::warn!(code = error.code(), next = error.next_step(), "the control plane could not be asked");
            let until = runner.clock.now().plus_ms(i64::try_from(next_try_ms).unwrap_or(i64::MAX));
            shared.board.note(|facts| facts.line = Some(LinkState::Waiting { until, why: Trouble::from(error) }));
        }
    };
    // Nobody looks on: a control plane that is away while the service starts is asked until it is there.
    let (clock, patience) = (Arc::clone(&runner.clock), Patience::Unlimited);
    let asked = runner_link::enrolment::enrol(
        &pending.application,
        &pending.token,
        &dialer,
        clock,
        &runner.entropy,
        patience,
        &mut say,
    );
    match asked.await.map_err(|error| enrolment::refused(&error))? {
        EnrolmentEnd::Enrolled(identity) => {
            enrolment::keep(runner, &identity)?;
            tracing::info!(not_after = %identity.not_after(), "enrolled");
            Ok(Some(*identity))
        }
        EnrolmentEnd::AwaitingApproval => Ok(None),
    }
}
