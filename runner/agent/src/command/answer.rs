//! `answer`: a person's decision or quiz, entered at the Runner.

use std::path::PathBuf;

use clock::Timestamp;
use procedure::Procedure;
use runner_engine::quiz::Graded;
use runner_evidence::{Parse, Provenance, RawEvidence};
use runner_vault::{PieceRecord, StoredPiece};
use serde_json::json;
use verdict::EvidenceClass;

use crate::fail::{Exit, Fail};
use crate::output::printable;
use crate::place::Place;
use crate::wiring::questions::{self, Asks, Open};
use crate::wiring::runner::{Mode, Runner};
use crate::wiring::{collect, files, find, report, restore, unfinished};

/// Answers a question that a run waits for. The answer is evidence: it is stored with who gave it and when, and the run
/// goes on as far as it can.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner pending                                             what is asked
  proctor-runner answer last review u-17 --answer keep --by ann@example.org
  proctor-runner answer last review u-18 --answer revoke --comment 'left in May' --by ann@example.org
  proctor-runner answer last quiz 4711 --choices 2,2,1 --by bob@example.org

A quiz that is not passed can be tried again as often as the procedure allows; the right answers are never shown.")]
pub(crate) struct Args {
    /// The run: its id, or `last`.
    #[arg(value_name = "RUN")]
    run: String,
    /// The step that asks.
    #[arg(value_name = "STEP")]
    step: String,
    /// Name of the piece, if the step asks more than once.
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// One of the declared answers.
    #[arg(long, conflicts_with = "choices")]
    answer: Option<String>,
    /// The choices of a quiz, from 1, in the order of the questions.
    #[arg(long, value_delimiter = ',', value_name = "N,N,…")]
    choices: Option<Vec<usize>>,
    /// Why.
    #[arg(long)]
    comment: Option<String>,
    /// A file that belongs to the answer, kept as evidence byte for byte.
    #[arg(long, value_name = "FILE", requires = "answer")]
    attach: Option<PathBuf>,
    /// Who answers; the account that runs this, if not given.
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Write)?;
    let run = find::run(&runner, &args.run)?;
    // A deadline that has passed is settled first: an answer after it does not count.
    unfinished::go_on(&runner, run)?;
    let wanted = |piece: &StoredPiece| {
        piece.step == args.step && (args.key.is_none() || piece.key.as_deref() == args.key.as_deref())
    };
    let question = find_question(questions::open(&runner, run, wanted)?, &args)?;
    let stored = runner.store.with(|store| store.load_run(run))?;
    let procedure = restore::procedure(&stored.start.procedure)?;
    let by = args.by.clone().unwrap_or_else(collect::operator);
    let now = runner.clock.now();
    match weigh(&args, &question, &run.to_string(), &by, now)? {
        Weighed::Answered(evidence) => {
            let record = answered(&procedure, &question, evidence, &by, now);
            runner.store.with(|store| store.record_piece(run, record))?;
            let judged = unfinished::go_on(&runner, run)?;
            place.out.line(format_args!("answered: {}", printable(&args.step)));
            match judged {
                Some(judged) => report::print(&runner, &judged).map(|_| Exit::Pass),
                None => Ok(Exit::Pass),
            }
        }
        Weighed::Again { attempts, left } => {
            let record = asked_again(&question, attempts, now);
            runner.store.with(|store| store.record_piece(run, record))?;
            place.out.line(format_args!("not passed; {left} more attempts, with other questions"));
            place.out.json(&json!({"run": run, "passed": false, "attempts_left": left}));
            Ok(Exit::NotPass)
        }
    }
}

/// Attachments are evidence like any other and share its limits.
const ATTACHMENT_LIMIT: u64 = 16 * 1024 * 1024;

/// What an answer comes to.
enum Weighed {
    /// It settles the question.
    Answered(RawEvidence),
    /// A quiz was not passed, and may be tried again.
    Again { attempts: u64, left: u64 },
}

fn weigh(args: &Args, question: &Open, run: &str, by: &str, now: Timestamp) -> Result<Weighed, Fail> {
    match &question.asks {
        Asks::Decision { question: asked, .. } => {
            let Some(answer) = &args.answer else {
                return Err(incomplete(question, "this is a decision: give --answer"));
            };
            let accepted = asked.accept(answer, args.comment.as_deref(), by, now);
            let value =
                accepted.map_err(|refusal| Fail::input("E-ANSWER-003", refusal, "see `proctor-runner pending`"))?;
            match (&args.attach, asked.attach) {
                (None, true) => Err(incomplete(question, "a file belongs to this answer: give --attach")),
                (Some(_), false) => Err(incomplete(question, "this question takes no file: leave --attach out")),
                (None, false) => Ok(Weighed::Answered(RawEvidence::object(value))),
                (Some(file), true) => {
                    let bytes = files::given(file, ATTACHMENT_LIMIT)?;
                    let evidence = RawEvidence::document(value, "attachment", Parse::Attachment, bytes);
                    let internal = |error| Fail::fault("E-ANSWER-006", error, "report this; nothing was stored");
                    Ok(Weighed::Answered(evidence.map_err(internal)?))
                }
            }
        }
        Asks::Quiz { quiz, attempts, .. } => {
            let Some(choices) = &args.choices else {
                return Err(incomplete(question, "this is a quiz: give --choices, one number a question"));
            };
            let person = questions::person(question.key.as_deref(), &question.who);
            let graded = quiz.grade(run, person, attempts + 1, choices);
            match graded.map_err(|error| Fail::input("E-ANSWER-004", error, "see `proctor-runner pending`"))? {
                Graded::Over(value) => Ok(Weighed::Answered(RawEvidence::object(value))),
                Graded::Again { left } => Ok(Weighed::Again { attempts: attempts + 1, left }),
            }
        }
    }
}

fn find_question(mut matching: Vec<Open>, args: &Args) -> Result<Open, Fail> {
    if matching.len() > 1 {
        let message = format!("the step `{}` asks {} questions", args.step, matching.len());
        return Err(Fail::input("E-ANSWER-002", message, "name the KEY; `proctor-runner pending` lists them"));
    }
    matching.pop().ok_or_else(|| {
        let message = format!("the run does not wait for an answer to `{}`", args.step);
        Fail::input("E-ANSWER-001", message, "`proctor-runner pending` lists what waits; a deadline may have passed")
    })
}

fn incomplete(question: &Open, why: &str) -> Fail {
    let message = format!("{why}\n{}", question.lines().join("\n"));
    Fail::input("E-ANSWER-005", message, "answer with the options that `proctor-runner answer --help` shows")
}

fn answered(procedure: &Procedure, question: &Open, evidence: RawEvidence, by: &str, now: Timestamp) -> PieceRecord {
    let step = procedure.step(&question.step);
    let class = step.map_or(EvidenceClass::Internal, |step| step.class);
    let provenance = Provenance {
        step: question.step.clone(),
        attempt: 1,
        started: question.asked,
        ended: now,
        connector: step.map(|step| step.connector.as_str().to_owned()).unwrap_or_default(),
        connector_version: env!("CARGO_PKG_VERSION").to_owned(),
        connection: None,
        request: question.as_json(),
        source: json!({"person": by, "entered_by": collect::operator()}),
        operator: collect::operator(),
        bytes: evidence.size(),
        class,
        dropped: Vec::new(),
        complete: None,
    };
    recorded(question, now, runner_vault::Outcome::Collected { evidence, provenance, class })
}

/// The same question again, with one attempt more behind it; the deadline stays.
fn asked_again(question: &Open, attempts: u64, now: Timestamp) -> PieceRecord {
    let asked = json!({"attempts": attempts});
    let (who, deadline) = (question.who.clone(), question.deadline);
    recorded(question, now, runner_vault::Outcome::Pending { question: asked, who, deadline })
}

fn recorded(question: &Open, now: Timestamp, outcome: runner_vault::Outcome) -> PieceRecord {
    PieceRecord {
        step: question.step.clone(),
        position: question.position,
        key: question.key.clone(),
        failed: Vec::new(),
        started: question.asked,
        ended: now,
        outcome,
    }
}
