//! Where a browser is, and what it calls itself.

use std::net::IpAddr;

use control_plane_authn::throttle::network_of;
use proof::text::{FreeText, is_deceptive};

/// Characters of a browser's own name that are kept.
const LONGEST: usize = 200;

/// Where somebody is. Kept with their session, and shown to them alone.
#[derive(Debug, Clone)]
pub struct Client {
    address: IpAddr,
    agent: FreeText,
}

impl Client {
    /// A client at this address, after trusted proxies were taken off; `agent` is what it says of itself.
    pub fn new(address: IpAddr, agent: &str) -> Self {
        let cleaned: String = agent.chars().filter(|c| !is_deceptive(*c)).take(LONGEST).collect();
        let unnamed = || "a browser that gives no name".parse().expect("a fixed text is free of control characters");
        Self { address, agent: cleaned.parse().unwrap_or_else(|_| unnamed()) }
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The network that counts as one address, as it is kept.
    pub(super) fn network(&self) -> String {
        network_of(self.address).to_string()
    }

    pub(super) fn agent(&self) -> &FreeText {
        &self.agent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_says_is_bounded_and_cleaned() {
        let address = "2001:db8::7".parse().unwrap();
        let client = Client::new(address, &format!("Mozilla\u{202e}\n\u{1b}[31m{}", "x".repeat(500)));
        assert!(client.agent().as_str().starts_with("Mozilla[31mxxx") && client.agent().as_str().len() == 200);
        assert_eq!(client.network(), "2001:db8::");
        assert_eq!(Client::new(address, " \u{0}").agent().as_str(), "a browser that gives no name");
    }
}
