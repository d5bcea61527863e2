//! Sealed answers on their way from a Runner's session to the person who asked. Frames pass through a bounded channel
//! and are kept nowhere; the Runner sends as many as the reader has room for, and when the reader leaves, it is told to
//! stop. What passes is opaque here: only the person's key opens it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::limits::{CREDIT, MAX_CREDIT};
use contract::{DrillDownCancel, DrillDownCredit, Epoch, FromControlPlane, SealedFrame, SealedStart};
use crypto::Digest;
use ids::{RequestId, RunnerId, TenantId};
use proof::drilldown::SealedHash;
use tokio::sync::mpsc;

use crate::Operations;

/// A part of a sealed answer, in order: the encapsulated key once, then the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The encapsulated key of HPKE.
    Enc([u8; 32]),
    /// A frame.
    Frame {
        /// Sealed to the person who asked.
        ciphertext: Vec<u8>,
        /// Whether it is the last one.
        last: bool,
    },
}

/// Why an answer does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The Runner refused; its receipt says why.
    #[error("E-OPS-060: the Runner refused the request; its receipt says why")]
    Refused,
    /// The Runner's session ended, or the Runner stopped.
    #[error("E-OPS-061: the answer was cut off: the Runner's session ended before it was complete")]
    CutOff,
}

/// Answers under way in this process.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    answers: Mutex<HashMap<RequestId, Answer>>,
}

/// Whose session it is, by its certificate, and which of its sessions. The nonce alone would be anybody's who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) runner: (TenantId, RunnerId),
    pub(crate) epoch: Epoch,
}

struct Answer {
    origin: Origin,
    /// When it was expected, or when its reader took something last.
    moved_ms: u64,
    sender: Option<mpsc::Sender<Piece>>,
    receiver: Option<mpsc::Receiver<Piece>>,
    reader: Reader,
    refused: bool,
    receipted: bool,
    /// Frames that the reader has room for and the Runner has not been told of.
    room: u32,
    /// Frames that the Runner may still send.
    granted: u32,
    next_index: u64,
    hash: Option<SealedHash>,
    sealed: Option<Digest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Awaited,
    Reading,
    /// It left before the end, and the Runner has not been told.
    Left,
    Done,
}

/// What a session has to say about answers.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// To be sent.
    pub(crate) messages: Vec<FromControlPlane>,
    /// Answers that nobody reads any more.
    pub(crate) cancelled: Vec<RequestId>,
}

/// The Runner sends what it was not given room for, or out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfTurn;

impl Relay {
    /// An answer is expected on this session.
    pub(crate) fn expect(&self, request: RequestId, origin: Origin, now_ms: u64) {
        let capacity = usize::try_from(CREDIT).unwrap_or(8) + 1;
        let (sender, receiver) = mpsc::channel(capacity);
        let answer = Answer {
            origin,
            moved_ms: now_ms,
            sender: Some(sender),
            receiver: Some(receiver),
            reader: Reader::Awaited,
            refused: false,
            receipted: false,
            room: 0,
            granted: 0,
            next_index: 0,
            hash: None,
            sealed: None,
        };
        self.lock().insert(request, answer);
    }

    fn attach(&self, request: RequestId, now_ms: u64) -> Option<mpsc::Receiver<Piece>> {
        let mut answers = self.lock();
        let answer = answers.get_mut(&request)?;
        let receiver = answer.receiver.take()?;
        answer.moved_ms = now_ms;
        answer.reader = Reader::Reading;
        answer.room = CREDIT;
        Some(receiver)
    }

    /// The reader took a frame; says whom to wake, when it is worth it.
    fn took(&self, request: RequestId, now_ms: u64) -> Option<(TenantId, RunnerId)> {
        let mut answers = self.lock();
        let answer = answers.get_mut(&request)?;
        answer.moved_ms = now_ms;
        answer.room = (answer.room + 1).min(MAX_CREDIT);
        (answer.room >= CREDIT / 2 && answer.sender.is_some()).then_some(answer.origin.runner)
    }

    /// The reader left; says whom to wake.
    fn left(&self, request: RequestId) -> Option<(TenantId, RunnerId)> {
        let mut answers = self.lock();
        let answer = answers.get_mut(&request)?;
        if answer.reader != Reader::Reading {
            return None;
        }
        let unfinished = answer.sealed.is_none();
        answer.reader = if unfinished { Reader::Left } else { Reader::Done };
        answer.sender = None;
        let runner = answer.origin.runner;
        if answer.receipted {
            answers.remove(&request);
        }
        unfinished.then_some(runner)
    }

    /// The answer begins. Nothing comes back for one that nobody expects but the word to stop.
    pub(crate) fn start(&self, origin: Origin, start: &SealedStart) -> Result<Vec<FromControlPlane>, OutOfTurn> {
        let mut answers = self.lock();
        let expected = answers.get_mut(&start.request).filter(|answer| answer.origin == origin);
        let Some(answer) = expected else { return Ok(vec![cancel(start.request)]) };
        if answer.hash.is_some() || answer.sealed.is_some() {
            return Err(OutOfTurn);
        }
        answer.hash = Some(SealedHash::new(&start.enc));
        let Some(sender) = &answer.sender else { return Ok(vec![cancel(start.request)]) };
        if sender.try_send(Piece::Enc(start.enc)).is_err() {
            answer.sender = None;
            return Ok(vec![cancel(start.request)]);
        }
        Ok(answer.grant(start.request).into_iter().collect())
    }

    /// A frame comes.
    pub(crate) fn frame(&self, origin: Origin, frame: SealedFrame) -> Result<Vec<FromControlPlane>, OutOfTurn> {
        let SealedFrame { request, index, ciphertext, last } = frame;
        let mut answers = self.lock();
        let expected = answers.get_mut(&request).filter(|answer| answer.origin == origin);
        let Some(answer) = expected else { return Ok(vec![cancel(request)]) };
        let Some(hash) = &mut answer.hash else { return Err(OutOfTurn) };
        if index != answer.next_index || answer.granted == 0 {
            return Err(OutOfTurn);
        }
        answer.next_index += 1;
        answer.granted -= 1;
        hash.frame(ciphertext.as_bytes());
        // Frames that were under way when the reader left: the word to stop went out with the last look.
        let Some(sender) = &answer.sender else { return Ok(Vec::new()) };
        // There is room: it was granted.
        if sender.try_send(Piece::Frame { ciphertext: ciphertext.into_bytes(), last }).is_err() {
            answer.sender = None;
            return Ok(vec![cancel(request)]);
        }
        if last {
            answer.sealed = answer.hash.take().map(SealedHash::finish);
            answer.sender = None;
        }
        Ok(Vec::new())
    }

    /// Whether the Runner has begun to answer.
    pub(crate) fn has_begun(&self, request: RequestId) -> bool {
        self.lock().get(&request).is_some_and(|answer| answer.hash.is_some() || answer.sealed.is_some())
    }

    /// What this session has to say: room that its readers have, and readers that left.
    pub(crate) fn due(&self, origin: Origin) -> Due {
        let mut due = Due::default();
        for (request, answer) in self.lock().iter_mut().filter(|(_, answer)| answer.origin == origin) {
            if answer.reader == Reader::Left {
                answer.reader = Reader::Done;
                due.messages.push(cancel(*request));
                due.cancelled.push(*request);
            } else if answer.hash.is_some() {
                due.messages.extend(answer.grant(*request));
            }
        }
        due
    }

    /// The Runner's receipt came: what was relayed, if it was relayed here to the end. Nothing more is expected.
    pub(crate) fn receipted(&self, request: RequestId, refused: bool) -> Option<Digest> {
        let mut answers = self.lock();
        let answer = answers.get_mut(&request)?;
        (answer.refused, answer.receipted) = (refused, true);
        answer.sender = None;
        let sealed = answer.sealed;
        if answer.reader != Reader::Reading {
            answers.remove(&request);
        }
        sealed
    }

    /// The request was cancelled, or has expired: its reader hears that nothing more comes, and the Runner is told.
    pub(crate) fn abandon(&self, request: RequestId) {
        if let Some(answer) = self.lock().get_mut(&request) {
            answer.sender = None;
            answer.reader = if answer.sealed.is_none() { Reader::Left } else { Reader::Done };
        }
    }

    /// Whether somebody reads the answer now.
    pub(crate) fn is_read(&self, request: RequestId) -> bool {
        self.lock().get(&request).is_some_and(|answer| answer.reader == Reader::Reading)
    }

    /// Nobody reads any more. What the Runner has not been told to stop is kept until its session's next look.
    fn forget(&self, request: RequestId) {
        let mut answers = self.lock();
        if answers.get(&request).is_some_and(|answer| answer.reader != Reader::Left) {
            answers.remove(&request);
        }
    }

    /// The session ended: its answers are cut off.
    pub(crate) fn session_ended(&self, origin: Origin) {
        self.lock().retain(|_, answer| {
            if answer.origin == origin {
                answer.sender = None;
            }
            answer.origin != origin || answer.reader == Reader::Reading
        });
    }

    /// Forgets answers of which nobody took anything for so long that nobody can be waiting for them, whether they say that
    /// they read or not; how many. A reader that comes back hears that the answer was cut off, and the Runner at its next
    /// frame that nobody takes it.
    pub(crate) fn sweep(&self, now_ms: u64, life_ms: u64) -> usize {
        let mut answers = self.lock();
        let before = answers.len();
        answers.retain(|_, answer| now_ms < answer.moved_ms.saturating_add(life_ms));
        before - answers.len()
    }

    fn was_refused(&self, request: RequestId) -> bool {
        self.lock().get(&request).is_some_and(|answer| answer.refused)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// Tells the Runner of the room that the reader has.
    fn grant(&mut self, request: RequestId) -> Option<FromControlPlane> {
        if self.room == 0 || self.sender.is_none() {
            return None;
        }
        let frames = std::mem::take(&mut self.room);
        self.granted += frames;
        Some(DrillDownCredit { request, frames }.into())
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("reader", &self.reader)
            .field("next_index", &self.next_index)
            .finish_non_exhaustive()
    }
}

fn cancel(request: RequestId) -> FromControlPlane {
    DrillDownCancel { request }.into()
}

/// The person's end of an answer. Dropping it before the end tells the Runner to stop.
#[derive(Debug)]
pub struct AnswerReader {
    operations: Operations,
    request: RequestId,
    receiver: mpsc::Receiver<Piece>,
    ended: bool,
}

impl AnswerReader {
    /// The one reader of an answer; `None` when there is one already, or nothing to read.
    pub(crate) fn attach(operations: &Operations, request: RequestId) -> Option<Self> {
        let receiver = operations.relay().attach(request, operations.clock().monotonic_ms())?;
        Some(Self { operations: operations.clone(), request, receiver, ended: false })
    }

    /// The next piece; `None` after the last frame. Asking for one tells the Runner that there is room for another.
    pub async fn next(&mut self) -> Option<Result<Piece, AnswerError>> {
        if self.ended {
            return None;
        }
        let Some(piece) = self.receiver.recv().await else {
            self.ended = true;
            let refused = self.operations.relay().was_refused(self.request);
            self.operations.relay().forget(self.request);
            return Some(Err(if refused { AnswerError::Refused } else { AnswerError::CutOff }));
        };
        if let Piece::Frame { last, .. } = &piece {
            self.ended = *last;
            let now_ms = self.operations.clock().monotonic_ms();
            if let Some((tenant, runner)) = self.operations.relay().took(self.request, now_ms) {
                self.operations.nudges().nudge(tenant, runner);
            }
        }
        Some(Ok(piece))
    }
}

impl Drop for AnswerReader {
    fn drop(&mut self) {
        if let Some((tenant, runner)) = self.operations.relay().left(self.request) {
            self.operations.nudges().nudge(tenant, runner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_which_nothing_is_taken_is_cut_off_in_the_end() {
        let relay = Relay::default();
        let (epoch, request) = (Epoch::from_bytes([7; 16]), RequestId::from_bytes([1; 16]));
        let ours = Origin { runner: (TenantId::from_bytes([1; 16]), RunnerId::from_bytes([1; 16])), epoch };
        relay.expect(request, ours, 0);
        let mut reader = relay.attach(request, 500).unwrap();
        relay.start(ours, &SealedStart { request, enc: [9; 32] }).unwrap();
        assert_eq!(relay.sweep(1_499, 1_000), 0);
        assert!(reader.try_recv().is_ok());
        relay.took(request, 1_400);
        assert_eq!(relay.sweep(2_399, 1_000), 0, "it is being read");
        assert_eq!(relay.sweep(2_400, 1_000), 1);
        assert!(reader.is_closed(), "its reader hears of it");
        let again = relay.start(ours, &SealedStart { request, enc: [9; 32] });
        assert_eq!(again, Ok(vec![cancel(request)]), "and the Runner");
    }

    #[test]
    fn a_stranger_who_says_the_same_nonce_has_no_part_in_an_answer() {
        let relay = Relay::default();
        let (epoch, request) = (Epoch::from_bytes([7; 16]), RequestId::from_bytes([1; 16]));
        let at = |tenant: u8, runner: u8| Origin {
            runner: (TenantId::from_bytes([tenant; 16]), RunnerId::from_bytes([runner; 16])),
            epoch,
        };
        let (ours, start) = (at(1, 1), SealedStart { request, enc: [9; 32] });
        relay.expect(request, ours, 0);
        let reader = relay.attach(request, 0).unwrap();
        for stranger in [at(2, 1), at(1, 2)] {
            assert_eq!(relay.start(stranger, &start), Ok(vec![cancel(request)]));
            relay.session_ended(stranger);
            assert!(relay.due(stranger).messages.is_empty());
        }
        assert_eq!(
            relay.start(ours, &start).unwrap().len(),
            1,
            "room for frames is granted to the Runner that was asked"
        );
        for stranger in [at(2, 1), at(1, 2)] {
            assert!(relay.due(stranger).messages.is_empty());
            relay.session_ended(stranger);
        }
        assert!(!reader.is_closed() && reader.len() == 1);
        relay.session_ended(ours);
        assert!(reader.is_closed());
    }
}
