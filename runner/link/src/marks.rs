//! The marks of this process's sessions, in memory alone. A control plane that has not noticed the end of a session hears
//! its mark from the one that replaces it, and knows that it is not a second holder of the certificate who comes.

use contract::Mark;
use contract::limits::MAX_MARKS;
use crypto::Entropy;
use crypto::entropy::random_bytes;

/// Marks that the control plane may still take for those of a live session.
#[derive(Debug, Default)]
pub struct Marks(Vec<Mark>);

impl Marks {
    /// A mark for the next session, and those to be named in its Hello.
    pub fn next(&mut self, entropy: &dyn Entropy) -> (Mark, Vec<Mark>) {
        let mark = Mark::from_bytes(random_bytes(entropy));
        let before = self.0.clone();
        self.0.push(mark);
        // The first is that of the session that was welcomed last; of those after it, whose Hello may have been lost, the
        // newest count.
        if self.0.len() > MAX_MARKS {
            self.0.remove(1);
        }
        (mark, before)
    }

    /// The session with this mark was welcomed: whatever was said before it is over.
    pub fn welcomed(&mut self, mark: Mark) {
        self.0 = vec![mark];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::SystemEntropy;

    #[test]
    fn the_last_welcomed_one_and_those_after_it_are_named() {
        let mut marks = Marks::default();
        let entropy = SystemEntropy::new();
        let (first, before) = marks.next(&entropy);
        assert_eq!(before, []);
        marks.welcomed(first);
        let (second, before) = marks.next(&entropy);
        assert_eq!(before, [first]);
        let (mut last, before) = marks.next(&entropy);
        assert_eq!(before, [first, second]);
        for _ in 0..20 {
            let (mark, before) = marks.next(&entropy);
            assert!(before.len() <= MAX_MARKS);
            assert_eq!((before.first(), before.last()), (Some(&first), Some(&last)));
            last = mark;
        }
        marks.welcomed(last);
        assert_eq!(marks.next(&entropy).1, [last]);
    }
}
