//! The part of the policy about connector secrets that come over the line.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use proof::drilldown::Factor;
use proof::text::Name;

/// Which secrets may be set over the line, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The roles that may, as the control plane names them.
    pub roles: BTreeSet<Name>,
    /// How a person must have been recognised: all factors of one of these lists.
    pub factors: Vec<BTreeSet<Factor>>,
    /// The names that may be set.
    pub names: Vec<NamePattern>,
    /// Whether what the operator set at the Runner may be replaced.
    pub replace_local: bool,
    /// Requests of one person within an hour, refused ones included.
    pub per_person_per_hour: u64,
}

/// A name of secrets, or with `*` at its end the beginning of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    beginning: String,
    open: bool,
}

/// Not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name, or the beginning of one with `*` at its end")]
pub struct PatternError;

/// Which part of the policy refuses, in the order in which they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretReason {
    Role,
    Factors,
    Name,
    Rate,
}

impl Secrets {
    /// Whether a person may set a secret who sent `others` within the hour, refused ones included.
    pub(crate) fn rule(&self, role: &Name, factors: &[Factor], name: &Name, others: u64) -> Result<(), SecretReason> {
        let recognised: BTreeSet<Factor> = factors.iter().copied().collect();
        if !self.roles.contains(role) {
            Err(SecretReason::Role)
        } else if !self.factors.iter().any(|all| all.is_subset(&recognised)) {
            Err(SecretReason::Factors)
        } else if !self.names.iter().any(|pattern| pattern.fits(name)) {
            Err(SecretReason::Name)
        } else if others >= self.per_person_per_hour {
            Err(SecretReason::Rate)
        } else {
            Ok(())
        }
    }
}

impl NamePattern {
    fn fits(&self, name: &Name) -> bool {
        if self.open { name.as_str().starts_with(&self.beginning) } else { name.as_str() == self.beginning }
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (beginning, open) = text.strip_suffix('*').map_or((text, false), |beginning| (beginning, true));
        let is_name = beginning.parse::<Name>().is_ok() || (open && beginning.is_empty());
        if is_name { Ok(Self { beginning: beginning.to_owned(), open }) } else { Err(PatternError) }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.beginning, if self.open { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_the_beginning_of_one() {
        let fits = |pattern: &str, name: &str| pattern.parse::<NamePattern>().unwrap().fits(&name.parse().unwrap());
        assert!(fits("*", "erp") && fits("erp", "erp") && fits("erp-*", "erp-token"));
        assert!(!fits("erp", "erp-token") && !fits("erp-*", "erp") && !fits("Erp", "erp"));
        for bad in ["", "**", "*a", "a*b", "a b*", "ä*", &"a".repeat(65)] {
            assert!(bad.parse::<NamePattern>().is_err(), "{bad}");
        }
        assert_eq!("erp-*".parse::<NamePattern>().unwrap().to_string(), "erp-*");
    }
}
