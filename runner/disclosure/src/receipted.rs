//! For how long a decision is remembered, and so for how long there is a receipt for a refusal.

use clock::Timestamp;
use runner_vault::Fate;

/// Far shorter than decided requests are kept: what was decided once is never receipted anew because it was forgotten.
const LONG_AGO_MS: i64 = 24 * 60 * 60 * 1000;

/// What becomes of the id of a request that is refused: nothing, if it was over long ago.
pub(crate) fn fate(expires: Timestamp, now: Timestamp, otherwise: Fate) -> Fate {
    if now.since_ms(expires) > LONG_AGO_MS { Fate::Nothing } else { otherwise }
}
