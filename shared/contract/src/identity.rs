//! The names that stand in certificates: SPIFFE URIs whose trust domain is the tenant's id.
//!
//! There is one spelling of each name. Whatever a URI parser would also let through (a port, user information, a query, a
//! fragment, escapes, upper case, a trailing slash, further segments) is another text and therefore refused.

use std::fmt;
use std::str::FromStr;

use ids::{RunnerId, TenantId};

/// A text that is not a name of the kind that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not the name of a Runner.
    #[error("not the name of a Runner: expected spiffe://TENANT/runner/RUNNER with two ids in canonical lower case")]
    Runner,
    /// Not the name of a tenant.
    #[error("not the name of a tenant: expected spiffe://TENANT with an id in canonical lower case")]
    Tenant,
}

/// Whose certificate it is. The only source of a session's tenant and Runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunnerName {
    /// The tenant, which is also the trust domain.
    pub tenant: TenantId,
    /// The Runner.
    pub runner: RunnerId,
}

/// The name in the certificate of a tenant's own issuing authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantName(pub TenantId);

impl fmt::Display for RunnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/runner/{}", self.tenant, self.runner)
    }
}

impl FromStr for RunnerName {
    type Err = NameError;

    fn from_str(uri: &str) -> Result<Self, NameError> {
        let rest = uri.strip_prefix("spiffe://").ok_or(NameError::Runner)?;
        let (tenant, runner) = rest.split_once("/runner/").ok_or(NameError::Runner)?;
        let tenant: TenantId = tenant.parse().map_err(|_| NameError::Runner)?;
        let runner: RunnerId = runner.parse().map_err(|_| NameError::Runner)?;
        // Nil ids stand for "not enrolled" elsewhere; no certificate is ever issued to them.
        if tenant == TenantId::NIL || runner == RunnerId::NIL {
            return Err(NameError::Runner);
        }
        Ok(Self { tenant, runner })
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}", self.0)
    }
}

impl FromStr for TenantName {
    type Err = NameError;

    fn from_str(uri: &str) -> Result<Self, NameError> {
        let tenant = uri.strip_prefix("spiffe://").ok_or(NameError::Tenant)?;
        let tenant: TenantId = tenant.parse().map_err(|_| NameError::Tenant)?;
        if tenant == TenantId::NIL { Err(NameError::Tenant) } else { Ok(Self(tenant)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "019aa7f0-0000-7000-8000-000000000001";
    const RUNNER: &str = "019aa7f0-0000-7000-8000-00000000000a";

    #[test]
    fn a_name_has_one_spelling() {
        let uri = format!("spiffe://{TENANT}/runner/{RUNNER}");
        let name: RunnerName = uri.parse().unwrap();
        assert_eq!((name.tenant.to_string().as_str(), name.runner.to_string().as_str()), (TENANT, RUNNER));
        assert_eq!(name.to_string(), uri);
        let tenant: TenantName = format!("spiffe://{TENANT}").parse().unwrap();
        assert_eq!(tenant.to_string(), format!("spiffe://{TENANT}"));
        assert!(uri.parse::<TenantName>().is_err());
    }

    #[test]
    fn other_spellings_are_refused() {
        for uri in [
            String::new(),
            format!("spiffe://{TENANT}"),
            format!("spiffe://{TENANT}/runner/"),
            format!("spiffe://{TENANT}/runner/{RUNNER}/"),
            format!("spiffe://{TENANT}/runner/{RUNNER}/x"),
            format!("spiffe://{TENANT}/runner/{RUNNER}?x=1"),
            format!("spiffe://{TENANT}/runner/{RUNNER}#x"),
            format!("spiffe://{TENANT}:443/runner/{RUNNER}"),
            format!("spiffe://user@{TENANT}/runner/{RUNNER}"),
            format!("spiffe://{TENANT}//runner/{RUNNER}"),
            format!("spiffe://{TENANT}/x/runner/{RUNNER}"),
            format!("spiffe://{TENANT}/Runner/{RUNNER}"),
            format!("spiffe://{TENANT}/runner/{}", RUNNER.to_uppercase()),
            format!("spiffe://{}/runner/{RUNNER}", TENANT.to_uppercase()),
            format!("SPIFFE://{TENANT}/runner/{RUNNER}"),
            format!("https://{TENANT}/runner/{RUNNER}"),
            format!(" spiffe://{TENANT}/runner/{RUNNER}"),
            format!("spiffe://{TENANT}/runner/%30{}", &RUNNER[1..]),
            format!("spiffe://{TENANT}/runner/{}", RunnerId::NIL),
            format!("spiffe://{}/runner/{RUNNER}", TenantId::NIL),
        ] {
            assert_eq!(uri.parse::<RunnerName>(), Err(NameError::Runner), "{uri}");
        }
        for uri in [String::new(), format!("spiffe://{TENANT}/"), format!("spiffe://{}", TenantId::NIL)] {
            assert_eq!(uri.parse::<TenantName>(), Err(NameError::Tenant), "{uri}");
        }
    }
}
