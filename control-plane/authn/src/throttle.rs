//! How often somebody may be wrong.
//!
//! A failed attempt is counted before it is answered and before anything is compared, so that parallel guesses cannot
//! outrun the counter; a right one gives the attempt back. What it remembers is bounded: when it is full, the longest
//! unused entry goes.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use clock::Timestamp;

/// Attempts and how fast they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Wrong attempts in a row.
    pub attempts: u32,
    /// Time after which one of them is forgotten.
    pub recovery_ms: u32,
    /// Subjects remembered at a time.
    pub remembered: usize,
}

/// Too many wrong attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed attempts; try again in {retry_after_seconds} s")]
pub struct Throttled {
    /// When one attempt will have been forgotten.
    pub retry_after_seconds: u32,
}

/// Counts the wrong attempts of subjects: addresses, keys, tokens.
#[derive(Debug)]
pub struct Throttle<K> {
    allowance: Allowance,
    spent: Mutex<HashMap<K, Spent>>,
}

/// Attempts that are not forgotten yet, as the time by which all of them will be.
#[derive(Debug, Clone, Copy)]
struct Spent {
    clear_at: Timestamp,
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    /// Nobody has been wrong yet.
    pub fn new(allowance: Allowance) -> Self {
        Self { allowance, spent: Mutex::new(HashMap::new()) }
    }

    /// Takes an attempt, before anything is compared. To be given back with [`succeeded`](Self::succeeded).
    pub fn attempt(&self, subject: &K, now: Timestamp) -> Result<(), Throttled> {
        let recovery = i64::from(self.allowance.recovery_ms.max(1));
        let most = recovery.saturating_mul(i64::from(self.allowance.attempts));
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let clear_at = spent.get(subject).map_or(now, |spent| spent.clear_at.max(now));
        let debt = clear_at.as_millis() - now.as_millis();
        // A clock that was set back would otherwise keep somebody out for as long as it jumped.
        let debt = debt.min(most);
        if debt + recovery > most {
            let wait_ms = debt + recovery - most;
            let retry_after_seconds = u32::try_from((wait_ms + 999) / 1000).unwrap_or(u32::MAX).max(1);
            return Err(Throttled { retry_after_seconds });
        }
        if !spent.contains_key(subject) && spent.len() >= self.allowance.remembered {
            make_room(&mut spent, now);
        }
        spent.insert(subject.clone(), Spent { clear_at: now.plus_ms(debt + recovery) });
        Ok(())
    }

    /// The attempt was right: it does not count.
    pub fn succeeded(&self, subject: &K) {
        let recovery = i64::from(self.allowance.recovery_ms.max(1));
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = spent.get_mut(subject) {
            entry.clear_at = entry.clear_at.plus_ms(-recovery);
        }
    }

    /// How many subjects are remembered.
    pub fn remembered(&self) -> usize {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What counts as one address: a whole `/64` belongs to whoever has one address of it (RFC 6177).
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

/// Forgets everybody whose attempts are all forgotten, and if nobody is, the one who comes next.
fn make_room<K: Eq + Hash + Clone>(spent: &mut HashMap<K, Spent>, now: Timestamp) {
    let before = spent.len();
    spent.retain(|_, entry| entry.clear_at > now);
    if spent.len() == before {
        let next = spent.iter().min_by_key(|(_, entry)| entry.clear_at).map(|(subject, _)| subject.clone());
        if let Some(next) = next {
            spent.remove(&next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle<u8> {
        Throttle::new(Allowance { attempts: 3, recovery_ms: 10_000, remembered: 4 })
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    #[test]
    fn wrong_attempts_run_out_and_come_back() {
        let throttle = throttle();
        for _ in 0..3 {
            assert_eq!(throttle.attempt(&1, at(0)), Ok(()));
        }
        assert_eq!(throttle.attempt(&1, at(0)), Err(Throttled { retry_after_seconds: 10 }));
        assert_eq!(throttle.attempt(&1, at(9_001)), Err(Throttled { retry_after_seconds: 1 }));
        assert_eq!(throttle.attempt(&2, at(0)), Ok(()), "somebody else");
        assert_eq!(throttle.attempt(&1, at(10_000)), Ok(()));
        assert!(throttle.attempt(&1, at(10_000)).is_err());
        // The clock jumps back by an hour: nobody waits an hour.
        let Err(Throttled { retry_after_seconds }) = throttle.attempt(&1, at(-3_600_000)) else { panic!("let in") };
        assert!(retry_after_seconds <= 10);
    }

    #[test]
    fn right_attempts_do_not_count() {
        let throttle = throttle();
        for _ in 0..100 {
            throttle.attempt(&1, at(0)).unwrap();
            throttle.succeeded(&1);
        }
        for _ in 0..3 {
            throttle.attempt(&1, at(0)).unwrap();
        }
        assert!(throttle.attempt(&1, at(0)).is_err());
    }

    #[test]
    fn parallel_guesses_do_not_outrun_the_counter() {
        let throttle = throttle();
        let allowed = std::thread::scope(|scope| {
            let guesses: Vec<_> = (0..32).map(|_| scope.spawn(|| throttle.attempt(&1, at(0)).is_ok())).collect();
            guesses.into_iter().filter_map(|guess| guess.join().ok()).filter(|allowed| *allowed).count()
        });
        assert_eq!(allowed, 3);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = throttle();
        for subject in 0..=255 {
            throttle.attempt(&subject, at(i64::from(subject))).unwrap();
        }
        assert_eq!(throttle.remembered(), 4);
    }
}
