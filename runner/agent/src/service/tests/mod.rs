//! The service with a clock that moves when a test says so: the real store, the real engine, real files as targets, and
//! no threads.

mod due;
mod joining;
mod requests;

use std::path::PathBuf;
use std::sync::Arc;

use clock::{Clock, ManualClock, Timestamp};
use crypto::{SystemEntropy, entropy};
use ids::{RequestId, RunnerId, TenantId};
use procedure::Notation;
use proof::log::journal::JournalRecord;
use runner_vault::{Files, Options, Provider, SameDisk, Vault};

use super::board::Board;
use super::hands::{Event, Queued, Shared, events};
use super::job::{Done, Job, perform};
use super::line::{Out, Refusals};
use super::under_way::Runs;
use super::work::Work;
use crate::config::Config;
use crate::output::Output;
use crate::wiring::claims::Claims;
use crate::wiring::restore;
use crate::wiring::runner::Runner;
use crate::wiring::store::Store;

/// Reads a file; due every hour.
const HOURLY: &str = "schema: procedure/v1
id: said
version: 1
title: What the file says
purpose: Shows that the file says yes.
owner: testers
retention: operational
schedule: { every: hour }
inputs:
  file: { type: path }
steps:
  - { id: read, title: Read it, use: file, with: { path: =inputs.file, content: text } }
checks:
  - { id: says, title: It says yes, assert: 'steps.read.content == \"yes\"', severity: high, fix: Write yes. }
";

/// A Runner in a folder of its own, over restarts.
struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    config: String,
    outbox_limit: u64,
    tenant: TenantId,
}

impl Bench {
    fn at(now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "yes").unwrap();
        let file = folder.path().join("file").display().to_string();
        let config = format!("[policy]\nfiles = [{file:?}]\n[procedures.said]\ninputs = {{ file = {file:?} }}\n");
        let clock = Arc::new(ManualClock::at(now.parse().unwrap()));
        Self { folder, clock, config, outbox_limit: 1000, tenant: TenantId::NIL }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("runner")
    }

    /// Makes the store the first time, opens it the next.
    fn start(&self) -> Running {
        let dir = self.dir();
        let (files, clock) = (Files::in_folder(&dir), Arc::clone(&self.clock) as Arc<dyn Clock>);
        let provider = Provider::KeyFile { path: dir.join("root.key"), same_disk: SameDisk::Accept };
        let options = Options { outbox_limit: self.outbox_limit, ..Options::default() };
        let entropy = SystemEntropy::new();
        let vault = if files.store.exists() {
            Vault::open(&files, &provider, options, Arc::clone(&clock), entropy.clone())
        } else {
            std::fs::create_dir(&dir).unwrap();
            let runner = RunnerId::from_parts(1, entropy::random_bytes(&entropy));
            Vault::create(&files, &provider, self.tenant, runner, options, Arc::clone(&clock), entropy.clone())
        };
        let vault = vault.unwrap();
        let board = Arc::new(Board::new(clock.now()));
        let runner = Runner {
            dir,
            config: Arc::new(Config::parse(&self.config).unwrap()),
            identity: vault.identity(),
            store: Store::new(vault),
            clock,
            entropy,
            out: Output::new(false),
            claims: Claims::default(),
            board: Some(Arc::clone(&board)),
        };
        let work = Work::new(runner.clone(), Arc::clone(&board)).unwrap();
        let (events, heard) = events();
        let refusals = Refusals::starting(runner.clock.now());
        let (out, queued) = (Out::default(), Queued::default());
        let shared = Shared { runner, board, events, out, queued, refusals, under_way: Runs::default() };
        Running { clock: Arc::clone(&self.clock), shared, heard, work }
    }
}

/// A service that has started.
struct Running {
    clock: Arc<ManualClock>,
    shared: Shared,
    heard: std::sync::mpsc::Receiver<Event>,
    work: Work,
}

impl Running {
    fn runner(&self) -> &Runner {
        &self.shared.runner
    }

    fn install(&mut self, text: &str) -> crypto::Digest {
        let procedure = procedure::read(text.as_bytes(), Notation::Yaml).unwrap();
        let source = restore::source(&procedure).unwrap();
        self.runner().store.with(|store| store.approve_procedure(&source, None)).unwrap();
        self.work.plan().unwrap();
        source.digest
    }

    /// Looks what is to be done, and does all of it.
    fn work(&mut self) -> Vec<(Job, Done)> {
        let mut did = Vec::new();
        loop {
            let jobs = self.work.look().unwrap().jobs;
            if jobs.is_empty() {
                return did;
            }
            for job in jobs {
                let watcher = self.shared.under_way.watcher();
                let done = perform(self.runner(), &job, &watcher, &|_| {});
                drop(watcher);
                self.work.done(&job, &done).unwrap();
                did.push((job, done));
            }
        }
    }

    /// What happened to due times, as the journal tells it: `ran TIME` or `REASON TIME`.
    fn due_times(&self) -> Vec<String> {
        let lines = self.runner().store.with(|store| store.journal_tail(10_000)).unwrap();
        let told = lines.into_iter().filter_map(|line| match line.record {
            JournalRecord::DueMissed { due, reason, .. } => {
                Some(format!("{} {}", super::condition::miss_word(reason), short(due)))
            }
            JournalRecord::RunBegun { run, .. } => {
                let run = self.runner().store.with(|store| store.run(run)).unwrap();
                Some(run.due.map_or_else(|| run.trigger.as_str().to_owned(), |due| format!("ran {}", short(due))))
            }
            _ => None,
        });
        told.collect()
    }

    fn gaps(&self) -> usize {
        let lines = self.runner().store.with(|store| store.journal_tail(10_000)).unwrap();
        lines.iter().filter(|line| matches!(line.record, JournalRecord::Gap { .. })).count()
    }

    fn pass_minutes(&self, minutes: i64) {
        self.clock.advance_ms(minutes * 60_000);
    }
}

fn short(at: Timestamp) -> String {
    at.to_string().get(..16).unwrap().to_owned()
}

fn request(number: u8) -> RequestId {
    RequestId::from_parts(1, [number; 10])
}
