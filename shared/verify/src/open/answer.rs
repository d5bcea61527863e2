//! Receiving the answer: opened as it streams in, kept where nobody sees it, judged step by step at its end.

use crypto::hpke;
use ids::RequestId;
use proof::drilldown::octets::{Part, Splitter};
use proof::drilldown::{AnswerError, AnswerReader, AnswerSummary, Decision, PendingRequest, Receipt};

use super::api::{Api, ApiError};
use super::attested::Attested;
use super::pause;
use super::spool::Spool;
use super::steps::Steps;
use crate::device::Device;
use crate::fail::Fail;

/// Bytes of a receipt.
const MAX_RECEIPT: usize = 16 * 1024;

/// How often the receipt is asked for, half a minute in all: it follows the answer, and a refusal may be a while under
/// way.
const RECEIPT_TRIES: u32 = 38;

const RECEIPT: (&str, &str) = ("receipt.signature", "the Runner signed a receipt for this request");
const SEALED: (&str, &str) = ("answer.sealed", "what came is what the receipt says was sent");
const OPENED: (&str, &str) = ("answer.opened", "it opens with the key that was made for this request");
const ROWS: (&str, &str) = ("rows.proven", "every row that was asked for came, and leads to the root");
const ROOT: (&str, &str) = ("rows.attested", "that root is the one in the attested manifest");

/// The Runner's code for a device that nobody approved.
const NOT_APPROVED: [&str; 3] = ["E-DRILL-012", "E-DRILL-013", "E-DRILL-014"];

/// The Runner's word for a request that it has decided on before, whose receipt it has no longer.
const SEEN_BEFORE: &str = "E-DRILL-010";

/// The answer that is to come.
pub(super) struct Expected<'a> {
    pub(super) api: &'a Api,
    pub(super) id: RequestId,
    pub(super) pending: &'a PendingRequest,
    pub(super) recipient: &'a hpke::KeyPair,
    pub(super) attested: &'a Attested,
}

/// Why the stream did not bring a whole answer.
enum Broken {
    /// The control plane did not hand one over.
    Api(ApiError),
    /// It is not to be believed.
    Answer(String),
    /// It does not open, or its rows are not those that were committed to.
    Judged(AnswerError),
    /// This machine failed.
    Here(Fail),
}

impl Expected<'_> {
    /// Receives the answer and judges it; the rows are kept only if every step holds.
    pub(super) async fn receive(&self, mut spool: Spool, steps: &mut Steps, device: &Device) -> Result<(), Fail> {
        let streamed = self.stream(&mut spool).await;
        if let Err(Broken::Here(fail)) = streamed {
            return Err(fail);
        }
        let receipt = self.receipt(steps, &streamed).await?;
        let sealed_sha256 = match &receipt.decision {
            Decision::Answered { sealed_sha256 } => *sealed_sha256,
            // A Runner decides once. Whoever shows an answer that holds beside another word of the Runner hides something.
            Decision::Refused { code } | Decision::CutOff { code } if streamed.is_ok() => {
                let why = format!("a whole answer came that holds, and the receipt that came with it says {code}");
                steps.fails(SEALED.0, SEALED.1, why.as_str());
                return Err(unproven(&why));
            }
            Decision::Refused { code } => return Err(refused(code.as_str(), device)),
            // Whoever stops reading what does not hold cuts the answer off; why it does not hold is the answer then.
            Decision::CutOff { .. } if matches!(streamed, Err(Broken::Answer(_) | Broken::Judged(_))) => {
                judge(steps, streamed)?;
                return Err(unproven("the answer was cut off"));
            }
            Decision::CutOff { code } => {
                let message = format!("the Runner opened the evidence, and its answer was cut off ({code})");
                return Err(Fail::refused("E-OPEN-040", message, "ask again; both logs say that it was opened"));
            }
        };
        let summary = judge(steps, streamed)?;
        if summary.sealed_sha256 != sealed_sha256 {
            steps.fails(SEALED.0, SEALED.1, format!("it is {}, not {sealed_sha256}", summary.sealed_sha256));
            return Err(unproven("the sealed answer is not the one that the Runner's receipt names"));
        }
        steps.holds(SEALED.0, SEALED.1, sealed_sha256.to_string());
        steps.holds(OPENED.0, OPENED.1, format!("{} bytes of evidence", summary.bytes));
        let of = self.attested.commitment.rows;
        steps.holds(ROWS.0, ROWS.1, format!("{} of {of} rows", summary.rows));
        // The reader was given the manifest's commitment and no other.
        steps.holds(ROOT.0, ROOT.1, self.attested.commitment.root.to_string());
        spool.keep()
    }

    /// Opens the answer as it comes.
    async fn stream(&self, spool: &mut Spool) -> Result<AnswerSummary, Broken> {
        let mut stream = self.api.stream(&format!("drilldowns/{}/answer", self.id)).await.map_err(Broken::Api)?;
        let mut splitter = Splitter::new();
        let mut reader: Option<AnswerReader> = None;
        while let Some(octets) = stream.next().await.map_err(Broken::Api)? {
            for part in splitter.push(&octets).map_err(|error| Broken::Answer(error.to_string()))? {
                match (part, &mut reader) {
                    (Part::Enc(enc), None) => reader = Some(self.reader(&enc)?),
                    (Part::Frame(frame), Some(reader)) => {
                        keep(reader, &frame.ciphertext, false, spool)?;
                    }
                    (Part::Enc(_), Some(_)) | (Part::Frame(_), None) => {
                        return Err(Broken::Answer("its parts come in another order".to_owned()));
                    }
                }
            }
        }
        let last = splitter.finish().map_err(|error| Broken::Answer(error.to_string()))?;
        let mut reader = reader.ok_or_else(|| Broken::Answer("it is empty".to_owned()))?;
        keep(&mut reader, &last.ciphertext, true, spool)?;
        reader.finish().map_err(Broken::Judged)
    }

    fn reader(&self, enc: &[u8; hpke::ENC]) -> Result<AnswerReader, Broken> {
        AnswerReader::new(self.pending, self.recipient, enc, &[self.attested.commitment]).map_err(Broken::Judged)
    }

    /// The receipt, verified under the Runner's key. A refusal has one too, and so has an answer that broke off.
    async fn receipt(&self, steps: &mut Steps, streamed: &Result<AnswerSummary, Broken>) -> Result<Receipt, Fail> {
        let path = format!("drilldowns/{}/receipt", self.id);
        let mut tried = 0;
        let bytes = loop {
            if let Some(bytes) = self.api.document_if_there(&path, MAX_RECEIPT).await? {
                break bytes;
            }
            tried += 1;
            if tried == RECEIPT_TRIES || self.is_over_without(tried).await? {
                return Err(without_receipt(steps, streamed));
            }
            tokio::time::sleep(pause(tried)).await;
        };
        let opened = Receipt::open(&bytes, &[self.attested.key]).map_err(|error| error.to_string());
        let opened = opened.and_then(|receipt| {
            let same = receipt.request == self.id && receipt.request_sha256 == self.pending.sha256();
            if same { Ok(receipt) } else { Err("it is about another request".to_owned()) }
        });
        match opened {
            Ok(receipt) => {
                let said = match &receipt.decision {
                    Decision::Answered { .. } => "answered".to_owned(),
                    Decision::CutOff { code } => format!("answered, and cut off: {code}"),
                    Decision::Refused { code } => format!("refused: {code}"),
                };
                let detail = format!("{said}, at {}, journal record {}", receipt.at, receipt.journal.seq);
                steps.holds(RECEIPT.0, RECEIPT.1, detail);
                Ok(receipt)
            }
            Err(why) => {
                steps.fails(RECEIPT.0, RECEIPT.1, why.as_str());
                Err(unproven(&format!("the receipt does not hold: {why}")))
            }
        }
    }

    /// Whether the request ended in a way that brings no receipt. Looked at now and then, not each time.
    async fn is_over_without(&self, tried: u32) -> Result<bool, Fail> {
        if !tried.is_multiple_of(3) {
            return Ok(false);
        }
        let shown = self.api.drilldown(self.id).await?;
        Ok(matches!(shown.state.as_str(), "expired" | "cancelled"))
    }
}

/// No receipt came. What the answer itself was worth is said before that.
fn without_receipt(steps: &mut Steps, streamed: &Result<AnswerSummary, Broken>) -> Fail {
    let why = match streamed {
        Ok(_) => "the answer came, and no receipt for it".to_owned(),
        Err(Broken::Api(ApiError::Problem(problem))) => {
            format!("no answer came ({} {})", problem.code, problem.detail)
        }
        Err(Broken::Api(ApiError::Unreachable(why) | ApiError::Untrusted(why) | ApiError::Strange(why))) => {
            format!("no whole answer came: {why}")
        }
        Err(Broken::Answer(why)) => {
            steps.fails(SEALED.0, SEALED.1, why.as_str());
            return unproven(why);
        }
        Err(Broken::Judged(error)) => {
            let (id, title) = step_of(error);
            steps.fails(id, title, error.to_string());
            return unproven(&error.to_string());
        }
        Err(Broken::Here(fail)) => fail.message.clone(),
    };
    steps.fails(RECEIPT.0, RECEIPT.1, "none came");
    Fail::refused(
        "E-OPEN-041",
        format!("the Runner did not say what it did with the request: {why}"),
        "see whether the Runner is connected, then ask again; its journal says whether it opened anything",
    )
}

fn keep(reader: &mut AnswerReader, ciphertext: &[u8], last: bool, spool: &mut Spool) -> Result<(), Broken> {
    let rows = reader.frame(ciphertext, last).map_err(Broken::Judged)?;
    rows.iter().try_for_each(|row| spool.row(row)).map_err(Broken::Here)
}

/// An answer that came whole, or the step at which it fails.
fn judge(steps: &mut Steps, streamed: Result<AnswerSummary, Broken>) -> Result<AnswerSummary, Fail> {
    let broken = match streamed {
        Ok(summary) => return Ok(summary),
        Err(broken) => broken,
    };
    let ((id, title), why) = match broken {
        Broken::Here(fail) => return Err(fail),
        Broken::Api(ApiError::Problem(problem)) => return Err(problem.into()),
        Broken::Api(ApiError::Unreachable(why) | ApiError::Untrusted(why) | ApiError::Strange(why)) => {
            (SEALED, format!("the answer broke off: {why}"))
        }
        Broken::Answer(why) => (SEALED, why),
        Broken::Judged(error) => (step_of(&error), error.to_string()),
    };
    steps.fails(id, title, why.as_str());
    Err(unproven(&why))
}

/// The step that an error of the answer belongs to.
fn step_of(error: &AnswerError) -> (&'static str, &'static str) {
    match error {
        AnswerError::Key
        | AnswerError::Sealed(_)
        | AnswerError::FrameLength { .. }
        | AnswerError::EmptyFrame(_)
        | AnswerError::OtherRequest
        | AnswerError::Refused => OPENED,
        AnswerError::Item { .. }
        | AnswerError::Row { .. }
        | AnswerError::RowTooLong { .. }
        | AnswerError::Header(_)
        | AnswerError::HeaderTooLong { .. }
        | AnswerError::Opening { .. }
        | AnswerError::Truncated { .. }
        | AnswerError::Incomplete(_)
        | AnswerError::Extra => ROWS,
    }
}

fn unproven(why: &str) -> Fail {
    Fail::refused(
        "E-OPEN-040",
        format!("nothing is shown, because the answer is not proven: {why}"),
        "ask again; if it fails again, tell the Runner's operator",
    )
}

/// What a receipt of a refusal means.
fn refused(code: &str, device: &Device) -> Fail {
    if code == SEEN_BEFORE {
        return Fail::refused(
            "E-OPEN-032",
            format!(
                "the Runner says that it decided on this request before ({code}), and what it decided is not known here"
            ),
            "ask the Runner's operator whether its journal says that it opened anything; then ask again",
        );
    }
    let next = if NOT_APPROVED.contains(&code) {
        format!("the Runner's operator approves this device with: {}", device.approval())
    } else {
        "the code says why; the Runner's policy and its journal are with the Runner's operator".to_owned()
    };
    Fail::refused("E-OPEN-032", format!("the Runner refused the request ({code})"), next)
}
