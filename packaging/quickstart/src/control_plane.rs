//! The control plane of the quickstart: its configuration and its ports.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::fault::Fault;
use crate::folder::Folder;

/// Its folder, below the quickstart's.
pub(crate) const FOLDER: &str = "control-plane";
/// The configuration that it is made with.
pub(crate) const CONFIGURATION: &str = "control-plane.toml";
/// Its authority's certificate, below the quickstart's folder.
pub(crate) const AUTHORITY: &str = "control-plane/authority.pem";

/// The ports of its four listeners: fixed once Runners know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ports {
    pub(crate) web: u16,
    pub(crate) enrolment: u16,
    pub(crate) line: u16,
    pub(crate) metrics: u16,
}

impl Ports {
    /// Four ports that are free now.
    pub(crate) fn free() -> Result<Self, Fault> {
        let bind = || {
            let listener =
                TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| Fault::Listener(error.to_string()))?;
            let port = listener.local_addr().map_err(|error| Fault::Listener(error.to_string()))?.port();
            Ok((listener, port))
        };
        // All are held until all are known, so that no port is given out twice.
        let (web, enrolment, line, metrics) = (bind()?, bind()?, bind()?, bind()?);
        Ok(Self { web: web.1, enrolment: enrolment.1, line: line.1, metrics: metrics.1 })
    }

    /// Refuses ports that another program has: the Runner knows them and would dial a stranger.
    pub(crate) fn check(self) -> Result<(), Fault> {
        for port in [self.web, self.enrolment, self.line, self.metrics] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|_| Fault::PortTaken(port))?;
        }
        Ok(())
    }

    /// Where the API is.
    pub(crate) fn url(self) -> String {
        format!("https://localhost:{}", self.web)
    }
}

/// Writes the configuration that the control plane is made with.
pub(crate) fn write(folder: &Folder, ports: Ports) -> Result<(), Fault> {
    let Ports { web, enrolment, line, metrics } = ports;
    let text = format!(
        r#"# Configuration of the quickstart's control plane: everything on this machine alone.
# `proctor-control-plane config sample` explains every key.

host = "localhost"

[database]
kind = "sqlite"

[web]
listen = "127.0.0.1:{web}"

[enrolment]
listen = "127.0.0.1:{enrolment}"

[line]
listen = "127.0.0.1:{line}"

[metrics]
listen = "127.0.0.1:{metrics}"

[log]
format = "text"
"#
    );
    folder.write(CONFIGURATION, text.as_bytes())
}

/// Whether the control plane says that it can do its work.
pub(crate) fn is_ready(ports: Ports) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.metrics));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_four_and_a_taken_one_is_named() {
        let ports = Ports::free().unwrap();
        let mut all = [ports.web, ports.enrolment, ports.line, ports.metrics];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = listener.local_addr().unwrap().port();
        assert!(matches!(Ports { line: taken, ..ports }.check(), Err(Fault::PortTaken(port)) if port == taken));
    }
}
