//! When a failed attempt is tried again.

use std::time::Duration;

/// How long to wait before the attempt after number `attempt` (from 1), or `None` if that was the last one. Only faults
/// of the transport are tried again: an answer that is wrong stays wrong.
pub fn delay(attempt: u32, retries: u32, transport: bool) -> Option<Duration> {
    const LONGEST: u64 = 30;
    if !transport || attempt > retries {
        return None;
    }
    let doubled = 1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(LONGEST);
    Some(Duration::from_secs(doubled.min(LONGEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transport_faults_are_retried_and_only_so_often() {
        assert_eq!(delay(1, 0, true), None);
        assert_eq!(delay(1, 3, false), None);
        let delays: Vec<_> = (1..=9).map_while(|attempt| delay(attempt, 8, true)).map(|d| d.as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(delay(u32::MAX - 1, u32::MAX, true), Some(Duration::from_secs(30)));
    }
}
