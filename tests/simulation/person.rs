//! The person who asks for runs and evidence, with a device of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::DrillDownState;
use control_plane_operations::relay::{AnswerReader, Piece};
use control_plane_operations::{AskedRows, RequestDrillDown, RequestRun};
use crypto::{SystemEntropy, hpke};
use ids::RequestId;
use proof::drilldown::PendingRequest;

use crate::collect::Known;
use crate::control::at_once;
use crate::oracle::Broken;
use crate::template::{device, procedure_digest};
use crate::world::{Event, World};

#[derive(Default)]
pub(crate) struct Person {
    asked: BTreeMap<RequestId, Asked>,
    pub(crate) readers: BTreeMap<RequestId, Reading>,
    /// Answers that were opened to the end and proven.
    pub(crate) proven: u64,
}

struct Asked {
    known: Known,
    recipient: hpke::KeyPair,
    signed: Option<PendingRequest>,
}

/// An answer that is being read.
pub(crate) struct Reading {
    reader: AnswerReader,
    opener: Option<proof::drilldown::AnswerReader>,
    rows: Vec<Vec<u8>>,
}

impl World {
    pub(crate) async fn person(&mut self) -> Result<(), Broken> {
        let at = self.time.now_ms() + self.random.between(200, 1_500);
        self.at(at, Event::Person);
        if self.control.up.is_none() {
            return Ok(());
        }
        if !self.healed && self.random.chance(200) {
            self.ask_for_evidence().await;
        }
        if !self.healed && self.random.chance(120) {
            self.ask_for_a_run().await;
        }
        let open: Vec<RequestId> = self.person.asked.keys().copied().collect();
        for request in open {
            self.follow(request).await?;
        }
        self.read()
    }

    async fn ask_for_a_run(&mut self) {
        let Some(up) = &self.control.up else { return };
        let (runner, procedure) = (self.template.name.runner, procedure_digest());
        let wait = Some(Duration::from_secs(self.random.between(20, 120)));
        // A Runner that is not let in, or that has not told what is installed, is not asked.
        if let Ok(request) = up.operations.request_run(&up.owner, RequestRun { runner, procedure, wait }).await {
            let id = request.id;
            self.trace(|| format!("person: asks for run {id}"));
            self.done.runs_requested += 1;
        }
    }

    async fn ask_for_evidence(&mut self) {
        let Some(known) = self.random.pick(&self.known).copied() else { return };
        let Some(up) = &self.control.up else { return };
        let recipient = hpke::KeyPair::generate(&SystemEntropy::new());
        let rows = self.random.chance(300).then(|| vec![0]);
        let asked = RequestDrillDown {
            run: known.run,
            items: vec![AskedRows { item: known.item, rows }],
            purpose: Purpose::Audit,
            reason: "sample of the quarter".parse().unwrap(),
            recipient_key: *recipient.public().as_bytes(),
            device_key: device().verifying_key().to_spki(),
            wait: Some(Duration::from_secs(self.random.between(20, 120))),
        };
        // A run that was not reported yet cannot be asked about.
        if let Ok(drilldown) = up.operations.request_drilldown(&up.auditor, asked).await {
            let id = drilldown.id;
            self.trace(|| format!("person: asks for evidence {id}"));
            self.person.asked.insert(id, Asked { known, recipient, signed: None });
            self.done.drilldowns += 1;
        }
    }

    /// Takes a request for evidence one step further.
    async fn follow(&mut self, request: RequestId) -> Result<(), Broken> {
        let (Some(up), Some(asked)) = (&self.control.up, self.person.asked.get_mut(&request)) else { return Ok(()) };
        let Ok(found) = up.operations.get_drilldown(&up.auditor, request).await else {
            // The database was put back to a time before the request.
            self.person.asked.remove(&request);
            return Ok(());
        };
        match found.state {
            DrillDownState::ToSign(to_sign) if self.random.chance(700) => {
                let pending = PendingRequest::read(to_sign.payload).map_err(|error| error.to_string())?;
                let signature = pending.sign_as_device(&device());
                if up.operations.sign_drilldown(&up.auditor, request, &signature.sig).await.is_ok() {
                    asked.signed = Some(pending);
                    self.trace(|| format!("person: signs {request}"));
                }
            }
            DrillDownState::Signed(_) | DrillDownState::Delivered(_) | DrillDownState::Answering(_) => {
                if self.random.chance(40) {
                    self.person.readers.remove(&request);
                    // It may have ended in the meantime.
                    let _ = up.operations.cancel_drilldown(&up.auditor, request).await;
                } else if !self.person.readers.contains_key(&request)
                    && let Ok(reader) = up.operations.answer_drilldown(&up.auditor, request).await
                {
                    self.person.readers.insert(request, Reading { reader, opener: None, rows: Vec::new() });
                }
            }
            DrillDownState::WaitingForRunner | DrillDownState::ToSign(_) => {}
            DrillDownState::Answered { .. }
            | DrillDownState::Refused { .. }
            | DrillDownState::Expired { .. }
            | DrillDownState::Cancelled { .. } => {
                let word = found.state.word();
                self.trace(|| format!("person: {request} is {word}"));
                if !self.person.readers.contains_key(&request) {
                    self.person.asked.remove(&request);
                }
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), Broken> {
        let requests: Vec<RequestId> = self.person.readers.keys().copied().collect();
        for request in requests {
            while let Some(reading) = self.person.readers.get_mut(&request)
                && let Some(next) = at_once(reading.reader.next())
            {
                if !self.take(request, next)? {
                    self.person.readers.remove(&request);
                }
            }
        }
        Ok(())
    }

    /// A piece of an answer; whether there is more. What is not proven in the end counts for nothing, so a frame that does
    /// not open is no fault of the parties.
    fn take<E>(&mut self, request: RequestId, next: Option<Result<Piece, E>>) -> Result<bool, Broken> {
        let (Some(reading), Some(asked)) = (self.person.readers.get_mut(&request), self.person.asked.get(&request))
        else {
            return Ok(false);
        };
        match next {
            None | Some(Err(_)) => Ok(false),
            Some(Ok(Piece::Enc(enc))) => {
                let Some(pending) = &asked.signed else { return Err(format!("{request} is answered unsigned")) };
                let commitments = [asked.known.commitment];
                let opener = proof::drilldown::AnswerReader::new(pending, &asked.recipient, &enc, &commitments);
                reading.opener = opener.ok();
                Ok(reading.opener.is_some())
            }
            Some(Ok(Piece::Frame { ciphertext, last })) => {
                let Some(opener) = &mut reading.opener else { return Ok(false) };
                let Ok(rows) = opener.frame(&ciphertext, last) else { return Ok(false) };
                reading.rows.extend(rows.into_iter().map(|row| row.row.to_vec()));
                if !last {
                    return Ok(true);
                }
                let Some(opener) = reading.opener.take() else { return Ok(false) };
                if opener.finish().is_ok() {
                    let canary = self.oracle.canary().as_bytes();
                    let there = |row: &Vec<u8>| row.windows(canary.len()).any(|window| window == canary);
                    if !reading.rows.iter().any(there) {
                        return Err(format!("the answer to {request} is proven and is not the evidence"));
                    }
                    self.person.proven += 1;
                    self.trace(|| format!("person: {request} is opened and proven"));
                }
                Ok(false)
            }
        }
    }
}
