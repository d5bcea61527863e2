//! How far a step is.

use clock::Timestamp;
use procedure::Outcome;
use verdict::{Code, StepStatus};

use crate::words::Settled;

/// Where one piece stands.
#[derive(Debug, Clone)]
pub(crate) struct PieceProgress {
    pub(crate) state: PieceState,
}

#[derive(Debug, Clone)]
pub(crate) enum PieceState {
    /// A connector is at it.
    Collecting,
    /// A person was asked.
    Asked { at: Timestamp, deadline: Option<Timestamp> },
    /// Known.
    Settled { status: StepStatus, code: Option<Code>, attempts: u32, started: Timestamp, ended: Timestamp },
}

impl PieceState {
    pub(crate) fn settled(settled: &Settled) -> Self {
        let (status, code) = match settled.outcome {
            Outcome::Value(_) => (StepStatus::Ok, None),
            Outcome::Failed(code) => (StepStatus::Error, Some(code)),
            Outcome::Overdue => (StepStatus::Error, Some(Code::Overdue)),
            Outcome::Pending => (StepStatus::Pending, None),
            Outcome::Skipped => (StepStatus::Skipped, None),
        };
        let Settled { attempts, started, ended, .. } = *settled;
        Self::Settled { status, code, attempts, started, ended }
    }
}

/// How far a step is.
#[derive(Debug, Clone)]
pub enum StepProgress {
    /// Not begun.
    Untouched,
    /// Begun: its pieces, in order; `each` if it is repeated over a list.
    #[expect(private_interfaces, reason = "the state of a piece is the machine's own; others read facts about steps")]
    Begun {
        /// Whether the step is repeated over a list.
        each: bool,
        /// Its pieces.
        pieces: Vec<PieceProgress>,
    },
}

/// What is told of a step: fixed words, numbers and times only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepFact {
    /// What became of it.
    pub status: StepStatus,
    /// Why it is in error: the code of its first piece that is.
    pub code: Option<Code>,
    /// The most attempts that one of its pieces took.
    pub attempts: u32,
    /// When its first piece began; `None` if it has not.
    pub started: Option<Timestamp>,
    /// When its last piece was settled; `None` if one is not.
    pub ended: Option<Timestamp>,
}

impl StepProgress {
    pub(crate) fn begun(list: Option<usize>) -> Self {
        let pieces = vec![PieceProgress { state: PieceState::Collecting }; list.unwrap_or(1)];
        Self::Begun { each: list.is_some(), pieces }
    }

    fn pieces(&self) -> &[PieceProgress] {
        match self {
            Self::Untouched => &[],
            Self::Begun { pieces, .. } => pieces,
        }
    }

    pub(crate) fn piece_mut(&mut self, position: Option<u32>) -> Option<&mut PieceProgress> {
        match (self, position) {
            (Self::Begun { each: true, pieces }, Some(position)) => pieces.get_mut(position as usize),
            (Self::Begun { each: false, pieces }, None) => pieces.first_mut(),
            (Self::Begun { .. } | Self::Untouched, _) => None,
        }
    }

    /// Whether nothing more will become of it.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Begun { .. })
            && self.pieces().iter().all(|piece| matches!(piece.state, PieceState::Settled { .. }))
    }

    pub(crate) fn is_collecting(&self) -> bool {
        self.pieces().iter().any(|piece| matches!(piece.state, PieceState::Collecting))
    }

    /// Whether a person was asked and has not answered.
    pub fn waits_for_people(&self) -> bool {
        self.pieces().iter().any(|piece| matches!(piece.state, PieceState::Asked { .. }))
    }

    /// The pieces that wait for a person, with their deadlines.
    pub(crate) fn asked(&self) -> Vec<(Option<u32>, Option<Timestamp>)> {
        let each = matches!(self, Self::Begun { each: true, .. });
        (0_u32..)
            .zip(self.pieces())
            .filter_map(|(position, piece)| match piece.state {
                PieceState::Asked { deadline, .. } => Some((each.then_some(position), deadline)),
                PieceState::Collecting | PieceState::Settled { .. } => None,
            })
            .collect()
    }

    /// When the last piece was settled; `None` if there is none.
    pub(crate) fn ended(&self) -> Option<Timestamp> {
        self.pieces()
            .iter()
            .filter_map(|piece| match piece.state {
                PieceState::Settled { ended, .. } => Some(ended),
                PieceState::Collecting | PieceState::Asked { .. } => None,
            })
            .max()
    }

    /// What is told of the step.
    pub fn fact(&self) -> StepFact {
        let mut fact = StepFact { status: StepStatus::Pending, code: None, attempts: 0, started: None, ended: None };
        if matches!(self, Self::Untouched) {
            return fact;
        }
        let (mut failed, mut open, mut skipped) = (false, false, false);
        for piece in self.pieces() {
            let began = match piece.state {
                PieceState::Collecting => {
                    open = true;
                    continue;
                }
                PieceState::Asked { at, .. } => {
                    open = true;
                    at
                }
                PieceState::Settled { status, code, attempts, started, .. } => {
                    failed |= status == StepStatus::Error;
                    skipped |= status == StepStatus::Skipped;
                    fact.code = fact.code.or(code);
                    fact.attempts = fact.attempts.max(attempts);
                    started
                }
            };
            fact.started = Some(fact.started.map_or(began, |earliest| earliest.min(began)));
        }
        fact.status = match (failed, open, skipped) {
            (true, ..) => StepStatus::Error,
            (_, true, _) => StepStatus::Pending,
            (_, _, true) => StepStatus::Skipped,
            (false, false, false) => StepStatus::Ok,
        };
        fact.ended = if open { None } else { self.ended() };
        fact
    }
}
