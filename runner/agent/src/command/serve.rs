//! `serve`: the Runner as a service.

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::service;

/// Runs as a service until it is told to stop: executes installed procedures when they are due, also while the control
/// plane is away; executes what is asked for over the line; reports; answers requests for evidence as the policy allows.
/// Works without enrolment, too. Commands that write are handed to it while it runs. Logs are JSON Lines on standard
/// error; SIGTERM stops it, and what was cut off goes on at the next start.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner serve
  proctor-runner --dir /var/lib/proctor-runner serve
  systemctl enable --now proctor-runner

What it runs is installed with `proctor-runner procedures add FILE`.")]
pub(crate) struct Args {}

pub(crate) fn execute(_: Args, place: &Place) -> Result<Exit, Fail> {
    service::run(place)
}
