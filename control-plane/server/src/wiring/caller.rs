//! The person behind a command at the control plane's host.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use control_plane_domain::policy::Caller;
use control_plane_operations::Operations;
use terminal::Fail;

use super::{files, open};

/// Which API key a command acts with.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    /// A file (mode 600) that holds an API key; what the command does is done, and logged, as its person.
    #[arg(long, env = "PROCTOR_API_KEY_FILE", value_name = "FILE")]
    api_key_file: PathBuf,
}

impl KeyArgs {
    /// Who the key belongs to.
    pub(crate) async fn caller(&self, operations: &Operations) -> Result<Caller, Fail> {
        let text = files::read_line(&self.api_key_file)?;
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        operations.authenticate(text.expose(), here).await.map_err(|error| open::operation(&error))
    }
}
