//! `admin`: tenants, people, keys, tokens and Runners, from the control plane's own host.
//!
//! What concerns the platform (`tenant`, `tenant key`, `person link`) is done as the operator and logged as such in the tenant's audit
//! log; everything else is done with an API key, by the same operations and permissions as over the API.

mod alarm;
mod api_key;
mod finding;
mod person;
mod procedure;
mod run;
mod runner;
mod tenant;
mod token;

use terminal::{Exit, Fail};

use crate::config::Config;
use crate::place::Place;
use crate::wiring::open;

/// Tenants, people, keys, tokens and Runners.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, clap::Subcommand)]
enum Noun {
    /// Organisations, as the platform's operator.
    #[command(subcommand)]
    Tenant(tenant::Verb),
    /// People of a tenant.
    #[command(subcommand)]
    Person(person::Verb),
    /// API keys of a tenant.
    #[command(subcommand)]
    ApiKey(api_key::Verb),
    /// One-time tokens with which Runners enrol.
    #[command(subcommand)]
    Token(token::Verb),
    /// Runners of a tenant.
    #[command(subcommand)]
    Runner(runner::Verb),
    /// Procedures that are installed at Runners.
    #[command(subcommand)]
    Procedure(procedure::Verb),
    /// Runs: request, list, show.
    #[command(subcommand)]
    Run(run::Verb),
    /// Checks that fail, and since when.
    #[command(subcommand)]
    Finding(finding::Verb),
    /// Alarms of a tenant.
    #[command(subcommand)]
    Alarm(alarm::Verb),
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&place.dir)?;
    open::runtime()?.block_on(async {
        let operations = open::operations(&config, open::clock()).await?;
        match args.noun {
            Noun::Tenant(verb) => tenant::execute(verb, &operations, &config, place).await,
            Noun::Person(verb) => person::execute(verb, &operations, &config, place).await,
            Noun::ApiKey(verb) => api_key::execute(verb, &operations, place).await,
            Noun::Token(verb) => token::execute(verb, &operations, &config, place).await,
            Noun::Runner(verb) => runner::execute(verb, &operations, place).await,
            Noun::Procedure(verb) => procedure::execute(verb, &operations, place).await,
            Noun::Run(verb) => run::execute(verb, &operations, place).await,
            Noun::Finding(verb) => finding::execute(verb, &operations, place).await,
            Noun::Alarm(verb) => alarm::execute(verb, &operations, place).await,
        }
    })
}

/// Everything of a list, page after page.
macro_rules! all_pages {
    ($page:ident => $call:expr) => {{
        let mut all = Vec::new();
        let mut $page = control_plane_domain::list::Page::first();
        loop {
            let listed = $call.await.map_err(|error| crate::wiring::open::operation(&error))?;
            all.extend(listed.items);
            match listed.next {
                Some(next) => $page = $page.following(next),
                None => break all,
            }
        }
    }};
}
use all_pages;
