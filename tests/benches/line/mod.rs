//! The line, for the rows that are about it: a control plane as a real process, Runners as real processes or as what is
//! left of one when nothing but its end of the stream is wanted, and a bare server to hold the sessions against.

mod bare;
mod plane;
mod session;
mod stream;
mod web;

pub(crate) use bare::{Bare, serve_bare};
pub(crate) use plane::{Plane, wait};
pub(crate) use session::{Dialled, Peer, Session};
pub(crate) use stream::BareStream;
pub(crate) use web::Web;

use crate::harness::Outcome;

/// What a process has used of processors so far, in seconds.
pub(crate) fn processor_seconds(pid: u32) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("the kernel says nothing of the process")?;
    let mut ticks = fields.split_whitespace().skip(11).map_while(|field| field.parse::<f64>().ok());
    let (user, system) = (ticks.next(), ticks.next());
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.ok_or("the kernel counts no ticks")?;
    Ok((user.ok_or("no user time")? + system.ok_or("no system time")?) / per_second as f64)
}

/// DER as PEM.
fn pem(kind: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {kind}-----\n");
    for (place, character) in text.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str(&format!("\n-----END {kind}-----\n"));
    pem
}
