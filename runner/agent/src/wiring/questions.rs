//! Questions that wait for a person.

use clock::Timestamp;
use ids::RunId;
use procedure::connector::Connector;
use procedure::{Item, Step};
use runner_engine::people::Question;
use runner_engine::quiz::{Quiz, Shown};
use runner_vault::{PieceState, StoredPiece, StoredRun};
use serde_json::{Value, json};

use crate::fail::Fail;
use crate::wiring::runner::Runner;
use crate::wiring::{begin, restore};

/// One open question.
pub(crate) struct Open {
    /// The step that asks.
    pub(crate) step: String,
    /// Position in the step's list.
    pub(crate) position: Option<u32>,
    /// Name of the piece.
    pub(crate) key: Option<String>,
    /// Who is asked.
    pub(crate) who: String,
    /// When it was asked.
    pub(crate) asked: Timestamp,
    /// Until when an answer counts.
    pub(crate) deadline: Option<Timestamp>,
    /// What is asked.
    pub(crate) asks: Asks,
}

/// What is asked.
pub(crate) enum Asks {
    /// A decision, with the item's fields that are shown.
    Decision {
        /// The question and its rules.
        question: Box<Question>,
        /// The item that it is about.
        item: Option<Item>,
    },
    /// A quiz.
    Quiz {
        /// The quiz; it knows the key and shows it to nobody.
        quiz: Quiz,
        /// Attempts made so far.
        attempts: u64,
        /// The questions of the next attempt.
        shown: Vec<Shown>,
    },
}

impl Open {
    /// The question for a person to read.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match &self.asks {
            Asks::Decision { question, item } => {
                lines.push(question.question.clone());
                if let Some(item) = item {
                    lines.extend(question.shown(&item.item).iter().map(|(field, value)| format!("{field}: {value}")));
                }
                if let Some(document) = &question.document {
                    lines.push(format!("document: sha256 {document}"));
                }
                if question.attach {
                    lines.push("a file must be attached".to_owned());
                }
                lines.push(format!("answers: {}", question.answers.join(", ")));
            }
            Asks::Quiz { shown, .. } => {
                for (number, question) in (1..).zip(shown) {
                    lines.push(format!("{number}. {}", question.question));
                    let choices = (1..).zip(&question.choices);
                    lines.extend(choices.map(|(choice, text): (u32, _)| format!("   {choice}) {text}")));
                }
            }
        }
        lines
    }

    /// The question for a program.
    pub(crate) fn as_json(&self) -> Value {
        match &self.asks {
            Asks::Decision { question, item } => {
                let shown: serde_json::Map<_, _> = item
                    .iter()
                    .flat_map(|item| question.shown(&item.item))
                    .map(|(field, value)| (field.to_owned(), value.clone()))
                    .collect();
                json!({"question": question.question, "answers": question.answers, "shown": shown,
                       "comment_for": question.comment_for, "document": question.document,
                       "attach": question.attach})
            }
            Asks::Quiz { shown, attempts, .. } => json!({"quiz": shown, "attempts": attempts}),
        }
    }
}

/// The person whose questions are drawn: the name of the piece, or who is asked if there is only one.
pub(crate) fn person<'a>(key: Option<&'a str>, who: &'a str) -> &'a str {
    key.unwrap_or(who)
}

/// The open questions of a run, or those of them that are wanted, in the order of the procedure.
pub(crate) fn open(runner: &Runner, run: RunId, wanted: impl Fn(&StoredPiece) -> bool) -> Result<Vec<Open>, Fail> {
    let stored = runner.store.with(|store| store.load_run(run))?;
    let procedure = restore::procedure(&stored.start.procedure)?;
    let mut machine = begin::rebuild(runner, &procedure, &stored)?;
    let known = stored.pieces.iter().map(|piece| piece.ended).max().unwrap_or(stored.start.started);
    machine.advance(known);
    let mut questions = Vec::new();
    for step in procedure.all_steps() {
        let asked = |piece: &&StoredPiece| piece.step == step.id && matches!(piece.state, PieceState::Pending { .. });
        let mut pieces: Vec<_> = stored.pieces.iter().filter(asked).filter(|piece| wanted(piece)).collect();
        if pieces.is_empty() {
            continue;
        }
        pieces.sort_by_key(|piece| piece.position);
        let broken = || broken(step, "what it is taken from does not evaluate");
        let items = machine.items(step).ok_or_else(broken)?;
        for piece in pieces {
            let PieceState::Pending { question, who, deadline } = &piece.state else { continue };
            let item = match piece.position {
                None => None,
                Some(position) => Some(items.get(position as usize).ok_or_else(broken)?),
            };
            let arguments = machine.question(step, item).ok_or_else(broken)?;
            let attempts = question.get("attempts").and_then(Value::as_u64).unwrap_or(0);
            let person = person(piece.key.as_deref(), who);
            let asks = match step.connector {
                Connector::Quiz => quiz(&stored, step, &arguments, person, attempts)?,
                _ => decision(step, &arguments, item.cloned())?,
            };
            questions.push(Open {
                step: piece.step.clone(),
                position: piece.position,
                key: piece.key.clone(),
                who: who.clone(),
                asked: piece.started,
                deadline: *deadline,
                asks,
            });
        }
    }
    Ok(questions)
}

fn quiz(stored: &StoredRun, step: &Step, arguments: &Value, person: &str, attempts: u64) -> Result<Asks, Fail> {
    let quiz = Quiz::from_arguments(arguments).map_err(|error| broken(step, error))?;
    let shown = quiz.questions(&stored.start.run.to_string(), person, attempts + 1);
    Ok(Asks::Quiz { quiz, attempts, shown })
}

fn decision(step: &Step, arguments: &Value, item: Option<Item>) -> Result<Asks, Fail> {
    let question = Question::from_arguments(arguments).map_err(|error| broken(step, error))?;
    Ok(Asks::Decision { question: Box::new(question), item })
}

fn broken(step: &Step, why: impl std::fmt::Display) -> Fail {
    let message = format!("the question of step {} cannot be put together again: {why}", step.id);
    Fail::fault("E-RUN-018", message, "see `proctor-runner doctor`, or end the run with `cancel`")
}
