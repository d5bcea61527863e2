//! The network between the parties: it delays, and in bad weather it does everything else that a network, or somebody who
//! sits in it, can do with messages.

use contract::{DerCertificate, FromControlPlane, FromRunner, Renewed};
use prost::Message;

use crate::oracle::Broken;
use crate::random::Random;
use crate::world::{Event, Sabotage, World};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// What happens in a simulation, each so many times out of a thousand messages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    pub(crate) drop: u64,
    pub(crate) duplicate: u64,
    pub(crate) reorder: u64,
    pub(crate) tamper: u64,
    pub(crate) replay: u64,
    /// The control plane ends in the middle of what it does.
    pub(crate) crash_within: u64,
    /// Cuts that one side notices much later.
    pub(crate) half_open: bool,
    pub(crate) move_clocks: bool,
    pub(crate) put_back_database: bool,
    pub(crate) put_back_store: bool,
    pub(crate) revoke: bool,
    /// Milliseconds of delay, at most.
    pub(crate) delay: u64,
}

impl Weather {
    /// One seed in four has cuts and crashes alone: there nobody may ever be locked out.
    pub(crate) fn of(seed: u64, random: &Random) -> Self {
        let delay = *random.pick(&[5, 40, 400, 3_000]).unwrap();
        let crash_within = if random.chance(500) { 15 } else { 0 };
        let fair = Self { delay, crash_within, ..Self::default() };
        if seed.is_multiple_of(4) {
            return fair;
        }
        let rate = |random: &Random| if random.chance(400) { random.between(5, 50) } else { 0 };
        Self {
            drop: rate(random),
            duplicate: rate(random),
            reorder: rate(random),
            tamper: rate(random),
            replay: rate(random),
            half_open: random.chance(400),
            move_clocks: random.chance(300),
            put_back_database: random.chance(200),
            put_back_store: random.chance(150),
            revoke: random.chance(80),
            ..fair
        }
    }

    /// Nobody meddles: what the parties do is their own doing.
    pub(crate) fn is_fair(&self) -> bool {
        let rates = [self.drop, self.duplicate, self.reorder, self.tamper, self.replay];
        rates.iter().all(|rate| *rate == 0)
            && !(self.half_open || self.move_clocks || self.put_back_database || self.put_back_store || self.revoke)
    }

    /// The storm is over. Delays stay.
    pub(crate) fn clear(&mut self) {
        *self = Self { delay: self.delay.min(400), ..Self::default() };
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) number: u64,
    /// When the last message of each way arrives: a stream keeps its order.
    last: [u64; 2],
    pub(crate) cut: bool,
}

impl Wire {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, last: [0; 2], cut: false }
    }
}

impl World {
    pub(crate) fn runner_sends(&mut self, message: FromRunner) -> Result<(), Broken> {
        let name = message.name();
        let bytes = {
            let duties = self.runner.duties();
            let wire = proto::FromRunner::from(message.clone());
            let mut bytes = wire.encode_to_vec();
            if self.sabotage == Some(Sabotage::Leak) {
                bytes.extend_from_slice(self.oracle.canary().as_bytes());
            }
            if self.sabotage == Some(Sabotage::AnswerTwice) && matches!(message, FromRunner::SealedStart(_)) {
                self.oracle.runner_says(&message, &bytes, &duties.vault())?;
            }
            self.oracle.runner_says(&message, &bytes, &duties.vault())?;
            bytes
        };
        self.trace(|| format!("runner         -> {name}{}", describe_up(&message)));
        self.done.forks += u64::from(matches!(message, FromRunner::AuditForkSeen(_)));
        self.send(Way::Up, bytes);
        Ok(())
    }

    pub(crate) fn control_plane_sends(&mut self, wire: u64, messages: Vec<FromControlPlane>) -> Result<(), Broken> {
        for mut message in messages {
            if let FromControlPlane::Renewed(renewed) = &mut message
                && self.weather.tamper > 0
                && self.random.chance(500)
            {
                self.trace(|| "  control plane: the chain of a renewed certificate is damaged".to_owned());
                damage_issuer(renewed);
            }
            let name = message.name();
            let described = describe_down(&message);
            let bytes = proto::FromControlPlane::from(message.clone()).encode_to_vec();
            self.trace(|| format!("  control plane -> {name}{described} ({wire})"));
            self.oracle.control_plane_says(&message, &bytes)?;
            match &message {
                FromControlPlane::Welcome(_) => drop(self.welcomed.insert(wire)),
                FromControlPlane::Renewed(_) => self.done.renewed += 1,
                _ => {}
            }
            if self.wire.as_ref().is_some_and(|current| current.number == wire) {
                self.send(Way::Down, bytes);
            }
        }
        Ok(())
    }

    fn send(&mut self, way: Way, bytes: Vec<u8>) {
        let weather = self.weather.clone();
        let random = &self.random;
        let Some(wire) = &mut self.wire else { return };
        if wire.cut {
            return;
        }
        let number = wire.number;
        let now = self.time.now_ms();
        let mut at = now + 1 + random.between(0, weather.delay + 1);
        let late = random.chance(weather.reorder);
        if late {
            at += random.between(0, 5_000);
        } else {
            at = at.max(wire.last[way as usize]);
            wire.last[way as usize] = at;
        }
        let mut forged = None;
        let old = &mut self.recorded[way as usize];
        if old.len() < 400 {
            old.push(bytes.clone());
        }
        let mut copies = vec![(at, bytes)];
        let mut what = Vec::new();
        if random.chance(weather.tamper) {
            what.push("tampered");
            flip(&mut copies[0].1, random);
            forged = record_in(&copies[0].1);
        }
        if random.chance(weather.duplicate) {
            what.push("duplicated");
            copies.push((at + random.between(0, 2_000), copies[0].1.clone()));
        }
        if random.chance(weather.drop) {
            what.push("dropped");
            copies.remove(0);
        }
        if random.chance(weather.replay)
            && let Some(old) = random.pick(&self.recorded[way as usize])
        {
            what.push("an old one sent again");
            copies.push((at + 1, old.clone()));
        }
        if way == Way::Down && self.sabotage == Some(Sabotage::Deaf) {
            copies.clear();
        }
        if late {
            what.push("late");
        }
        if let Some(line) = forged {
            self.oracle.was_forged(&line);
        }
        if !what.is_empty() {
            self.trace(|| format!("net: {}", what.join(", ")));
        }
        for (at, bytes) in copies {
            let event = match way {
                Way::Up => Event::ToControlPlane { wire: number, bytes },
                Way::Down => Event::ToRunner { wire: number, bytes },
            };
            self.at(at, event);
        }
    }

    /// The connection is gone; each side notices in its time.
    pub(crate) fn cut(&mut self, why: &str) {
        let Some(wire) = &mut self.wire else { return };
        if wire.cut {
            return;
        }
        wire.cut = true;
        let number = wire.number;
        self.trace(|| format!("net: connection {number} is cut ({why})"));
        let now = self.time.now_ms();
        let slow = |random: &Random| if random.chance(500) { random.between(1, 60_000) } else { 1 };
        let (up, down) = if self.weather.half_open { (slow(&self.random), slow(&self.random)) } else { (1, 1) };
        self.at(now + up, Event::ControlPlaneSeesEnd { wire: number });
        self.at(now + down, Event::RunnerSeesEnd { wire: number });
    }
}

fn flip(bytes: &mut [u8], random: &Random) {
    if let Some(length) = u64::try_from(bytes.len()).ok().filter(|length| *length > 0) {
        // By a share of the length: signatures differ by a byte between repetitions of a seed.
        let at = usize::try_from(random.between(0, 10_000) * length / 10_000).unwrap();
        bytes[at] ^= 1 << random.between(0, 8);
    }
}

/// The record in a message from the Runner, if it is a report.
fn record_in(bytes: &[u8]) -> Option<String> {
    let message = proto::FromRunner::decode(bytes).ok()?;
    match FromRunner::try_from(message) {
        Ok(FromRunner::Report(report)) => Some(report.line.as_str().to_owned()),
        _ => None,
    }
}

fn describe_up(message: &FromRunner) -> String {
    match message {
        FromRunner::Hello(hello) => {
            format!(
                " generation {} journal {} audit {} {:?}",
                hello.generation, hello.journal_size, hello.audit_size, hello.condition
            )
        }
        FromRunner::Report(report) => format!(" {}", report.seq),
        FromRunner::Receipt(receipt) => format!(" {}", receipt.request),
        FromRunner::SealedStart(start) => format!(" {}", start.request),
        FromRunner::SealedFrame(frame) => format!(" {} {} last {}", frame.request, frame.index, frame.last),
        FromRunner::RunProgress(progress) => {
            format!(" {:?} {:?} {:?}", progress.request, progress.stage, progress.code)
        }
        FromRunner::Alive(alive) => format!(" {:?} waiting {}", alive.condition, alive.waiting),
        _ => String::new(),
    }
}

/// The Runner cannot tell, because it trusts no authority of its own certificate; the control plane refuses the chain.
fn damage_issuer(renewed: &mut Renewed) {
    let issuer = renewed.chain.last_mut().unwrap();
    let mut der = issuer.as_bytes().to_vec();
    *der.last_mut().unwrap() ^= 1;
    *issuer = DerCertificate::new(der).unwrap();
}

fn describe_down(message: &FromControlPlane) -> String {
    match message {
        FromControlPlane::Welcome(welcome) => format!(" {}", welcome.accepted),
        FromControlPlane::Accepted(accepted) => format!(" {}", accepted.accepted),
        FromControlPlane::ReportRefused(refused) => format!(" {} {}", refused.seq, refused.code),
        FromControlPlane::Stop(stop) => format!(" {:?} {}", stop.reason, stop.retry_after_seconds),
        FromControlPlane::RunRequest(request) => format!(" {}", request.request),
        FromControlPlane::DrillDownCredit(credit) => format!(" {} {}", credit.request, credit.frames),
        FromControlPlane::DrillDownCancel(cancel) => format!(" {}", cancel.request),
        FromControlPlane::ReceiptAccepted(accepted) => format!(" {}", accepted.request),
        FromControlPlane::RenewRefused(refused) => format!(" {}", refused.code),
        FromControlPlane::Renewed(renewed) => format!(" generation {}", renewed.generation),
        FromControlPlane::AuditCheckpoint(shown) => format!(" from {}", shown.from_size),
        _ => String::new(),
    }
}
