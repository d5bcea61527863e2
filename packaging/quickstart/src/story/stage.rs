//! Setting the stage: the Runner's configuration, the endpoints, the database, the procedures.

use clock::Timestamp;

use crate::authority::{Authority, ENDPOINTS};
use crate::fault::Fault;
use crate::folder::Folder;
use crate::listeners::Listeners;
use crate::say::Say;
use crate::{branch, company, config, procedures};

/// Makes what is not there yet, and refreshes what depends on the day. The endpoints run as long as the story is told.
pub(super) fn set(folder: &Folder, say: Say, now: Timestamp) -> Result<Listeners, Fault> {
    let authority = Authority::new(now)?;
    folder.write(config::AUTHORITY, authority.pem().as_bytes())?;
    let listeners = Listeners::start(&authority, &folder.ports)?;
    configure(folder, &listeners.ports, say)?;
    company::fill(&folder.join(company::FILE), now)?;
    say.good("company.db: the accounts of an order system and HR's list of people, all invented");
    for (endpoint, port) in ENDPOINTS.iter().zip(&listeners.ports) {
        say.good(format_args!("https://localhost:{port}: the endpoint `{}`, with {}", endpoint.name, endpoint.about));
    }
    branch::report(folder)?;
    for path in procedures::write(folder)? {
        say.line(format_args!(
            "{path} was changed since it was written and is used as it is; remove it to have the original"
        ));
    }
    Ok(listeners)
}

/// Writes the configuration once; after that, only the ports are kept right in it.
fn configure(folder: &Folder, ports: &[u16], say: Say) -> Result<(), Fault> {
    if folder.ports.is_empty() {
        config::write(folder, ports)?;
        say.good("config.toml: allows the files, commands and targets that the procedures name, and nothing else");
    } else if folder.ports != ports {
        config::move_ports(folder, ports)?;
        say.line("Other programs took the ports of the former run: config.toml names new ones now.");
    }
    folder.remember(ports)
}
