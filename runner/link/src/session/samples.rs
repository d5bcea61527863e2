//! Values for tests.

use clock::{Clock, ManualClock};
use contract::version::CURRENT;
use contract::{
    Condition, ConnectorSecret, Digest, DrillDown, DrillDownBytes, Epoch, JournalLine, Mark, NoteText, Receipt, Report,
    RunRequest, Sealed, SealedFrame, SealedSecret, SealedStart, SecretBytes, StatementEnvelope, Timestamp, Welcome,
};
use ids::RequestId;
use proof::note::SignedNote;

use super::*;
use crate::duties::Standing;

pub(crate) const EPOCH: Epoch = Epoch::from_bytes([7; 16]);

pub(crate) fn wall() -> Timestamp {
    "2026-11-21T20:00:00.000Z".parse().unwrap()
}

pub(crate) fn digest(number: u64) -> Digest {
    crypto::digest::sha256(&number.to_be_bytes())
}

pub(crate) fn request(number: u8) -> RequestId {
    RequestId::from_bytes([number; 16])
}

pub(crate) fn standing(size: u64) -> Standing {
    Standing {
        software: "proctor-runner/0.1.0".parse().unwrap(),
        journal_size: size,
        journal_head: digest(size),
        audit_size: 0,
        audit_root: digest(0),
        condition: Condition::Ready,
        seal_level: "file".parse().unwrap(),
    }
}

pub(crate) fn opening(size: u64) -> Opening {
    let renew_at = wall().plus_ms(12 * 3_600_000);
    let mark = Mark::from_bytes([9; 16]);
    Opening { epoch: EPOCH, mark, marks_before: Vec::new(), generation: 7, standing: standing(size), renew_at }
}

pub(crate) fn welcome(accepted: u64, window: u32) -> FromControlPlane {
    FromControlPlane::Welcome(Welcome {
        version: CURRENT,
        accepted,
        accepted_head: digest(accepted),
        window,
        alive_seconds: 15,
        now: wall(),
    })
}

pub(crate) fn report(seq: u64) -> Report {
    let prev = digest(seq);
    let line = format!(r#"{{"seq":{seq},"prev":"{prev}","at":"{}","kind":"gap"}}"#, wall());
    Report { seq, line: JournalLine::new(line).unwrap(), attested: None }
}

pub(crate) fn note(size: u64) -> NoteText {
    let key = crypto::ed25519::SigningKey::from_seed([9; 32]);
    let signed = SignedNote::sign(&format!("x\n{size}\n"), &"proctor/x".parse().unwrap(), &key).unwrap();
    NoteText::try_from(&signed).unwrap()
}

pub(crate) fn envelope() -> StatementEnvelope {
    numbered(0)
}

fn numbered(number: u8) -> StatementEnvelope {
    let text = format!(r#"{{"payload":"e30=","payloadType":"x{number}","signatures":[{{"keyid":"","sig":"AA=="}}]}}"#);
    StatementEnvelope::new(text.as_bytes()).unwrap()
}

pub(crate) fn receipt(number: u8) -> Receipt {
    Receipt { request: request(number), envelope: numbered(number) }
}

pub(crate) fn drill_down() -> DrillDown {
    DrillDown { envelope: DrillDownBytes::new(vec![1]).unwrap(), device_key: None }
}

pub(crate) fn secret() -> ConnectorSecret {
    let (envelope, sealed) = (SecretBytes::new(vec![1]).unwrap(), SealedSecret::new(vec![2]).unwrap());
    ConnectorSecret { envelope, device_key: None, sealed }
}

pub(crate) fn start(number: u8) -> SealedStart {
    SealedStart { request: request(number), enc: [1; 32] }
}

pub(crate) fn frame(number: u8, index: u64, last: bool) -> SealedFrame {
    SealedFrame { request: request(number), index, ciphertext: Sealed::new(vec![0; 16]).unwrap(), last }
}

pub(crate) fn run_request(number: u8) -> RunRequest {
    RunRequest {
        request: request(number),
        procedure: digest(1),
        epoch: EPOCH,
        expires: wall().plus_ms(60_000),
        audit_seq: 3,
        audit_hash: digest(3),
    }
}

/// A machine and its time.
pub(crate) struct Stage {
    pub(crate) session: Session,
    pub(crate) clock: ManualClock,
}

impl Stage {
    pub(crate) fn open(size: u64) -> Self {
        let clock = ManualClock::at(wall());
        let (session, _) = Session::new(opening(size), Moment::of(&clock));
        Self { session, clock }
    }

    /// Welcomed, reconciled, and with the first work done.
    pub(crate) fn live(size: u64, accepted: u64, window: u32) -> (Self, Vec<Command>) {
        let mut stage = Self::open(size);
        stage.receive(welcome(accepted, window));
        let commands = stage.done(crate::work::Done::Reconciled(crate::duties::Continuation::Follows));
        (stage, commands)
    }

    pub(crate) fn handle(&mut self, event: Event) -> Vec<Command> {
        self.session.handle(event, Moment::of(&self.clock))
    }

    pub(crate) fn receive(&mut self, message: FromControlPlane) -> Vec<Command> {
        self.handle(Event::Received(message))
    }

    pub(crate) fn done(&mut self, done: crate::work::Done) -> Vec<Command> {
        self.handle(Event::Done(done))
    }

    /// Moves time on to when the machine wants to be asked, and asks it.
    pub(crate) fn wake(&mut self) -> Vec<Command> {
        let at = self.session.wake_at(Moment::of(&self.clock)).expect("the machine waits for something");
        let ahead = at.saturating_sub(self.clock.monotonic_ms());
        self.clock.advance_ms(i64::try_from(ahead).unwrap());
        self.handle(Event::Tick)
    }
}
