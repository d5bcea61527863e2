//! What the coverage is read from: the files of installed procedures, the summaries of their checks, the lists of
//! controls in scope.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::scope::ScopedControl;
use control_plane_domain::standing::CheckSummary;
use control_plane_store::Reads;
use ids::RunnerId;
use procedure::Procedure;
use proof::text::Name;

use super::scope::scopes_of;
use super::{
    ControlCoverage, Coverage, CoverageCheck, CoverageCounts, CoverageState, CoverageSummary, FrameworkCoverage,
    FrameworkSummary, ScopeOf, Unread, UnreadText,
};
use crate::console::controls::{ControlRef, of_check};
use crate::console::findings::FILES;
use crate::console::refs::Labels;
use crate::console::texts::Text;
use crate::{Error, Operations};

/// Files that could not be read and are named.
const UNREAD: u32 = 50;

/// How long the word of a check that nobody scheduled shows anything.
const STALE_MS: i64 = 365 * 86_400_000;

/// Everything that the coverage is put together from. A control names its checks by their places.
struct Known {
    checks: Vec<CoverageCheck>,
    controls: BTreeMap<ControlRef, Vec<usize>>,
    scopes: Vec<ScopeOf>,
    scoped: BTreeMap<Name, Vec<ScopedControl>>,
    unread: Vec<UnreadText>,
    more: bool,
}

/// A control with the places of its checks.
struct Control<'a> {
    control: &'a str,
    listed: Option<&'a ScopedControl>,
    checks: &'a [usize],
}

/// A procedure that is installed, and where.
struct Installed<'a> {
    id: Name,
    procedure: &'a Procedure,
    runner: RunnerId,
}

impl Operations {
    /// What of which framework is proven, by what, and what is not.
    pub async fn coverage(&self, caller: &Caller) -> Result<Coverage, Error> {
        let known = self.known(caller, None).await?;
        let frameworks = known.frameworks().into_iter().map(|framework| known.framework(framework)).collect();
        Ok(Coverage { frameworks, unread: known.unread, more: known.more })
    }

    /// How the controls of every framework stand, without what proves them.
    pub async fn coverage_summary(&self, caller: &Caller) -> Result<CoverageSummary, Error> {
        let known = self.known(caller, None).await?;
        let frameworks = known.frameworks().into_iter().map(|framework| known.summary(framework)).collect();
        Ok(CoverageSummary { frameworks, unread: known.unread, more: known.more })
    }

    /// The controls of one framework, with what proves them.
    pub async fn framework_coverage(&self, caller: &Caller, framework: &str) -> Result<FrameworkCoverage, Error> {
        let known = self.known(caller, Some(framework)).await?;
        if !known.frameworks().contains(framework) {
            return Err(Error::NotFound("framework"));
        }
        Ok(known.framework(framework))
    }

    async fn known(&self, caller: &Caller, only: Option<&str>) -> Result<Known, Error> {
        let permit = caller.permit(Permission::ChecksList)?;
        let now = self.now();
        let tx = self.store().read(&permit).await?;
        let mut files = tx.installed_texts(FILES + 1).await?;
        let mut more = files.len() > FILES as usize;
        files.truncate(FILES as usize);
        let texts = self.texts_installed(&tx, &files).await?;
        let withheld = tx.withheld(UNREAD + 1).await?;
        more |= withheld.len() > UNREAD as usize;
        let runners = files.iter().map(|(_, place)| place.runner);
        let labels = Labels::read(&tx, runners.chain(withheld.iter().map(|(_, runner, _)| *runner))).await?;
        let (mut installed, mut unread) = (Vec::new(), Vec::new());
        for (digest, place) in files {
            match texts.get(&digest) {
                Some(Text::Read(procedure)) => {
                    let names = |framework: &str| only.is_none_or(|only| only == framework);
                    let checks = procedure.checks.iter().flat_map(|check| &check.controls);
                    let serves = procedure.controls.iter().chain(checks).any(|controls| names(&controls.framework));
                    let id = procedure.id.parse().ok().filter(|_| serves);
                    installed.extend(id.map(|id| Installed { id, procedure, runner: place.runner }));
                }
                Some(Text::Faulty(_) | Text::Withheld) | None => {
                    let runner = labels.at(place.runner)?;
                    unread.push(UnreadText { runner, procedure: None, digest, why: Unread::Faulty });
                }
            }
        }
        for (procedure, runner, digest) in withheld.into_iter().take(UNREAD as usize) {
            // Another Runner may show the same file.
            if !texts.get(&digest).is_some_and(|text| matches!(text, Text::Read(_))) {
                let runner = labels.at(runner)?;
                unread.push(UnreadText { runner, procedure: Some(procedure), digest, why: Unread::Withheld });
            }
        }
        let (checks, controls) = checks(&tx, &labels, installed, now).await?;
        let mut scopes = scopes_of(&tx).await?;
        scopes.retain(|scope| only.is_none_or(|only| only == scope.framework.as_str()));
        let listed: Vec<Name> = scopes.iter().map(|scope| scope.framework.clone()).collect();
        let scoped = tx.scoped_controls(&listed).await?;
        let mut known = Known { checks, controls, scopes, scoped, unread, more };
        known.controls.retain(|control, _| only.is_none_or(|only| only == control.framework));
        Ok(known)
    }
}

/// Every check of what is installed, and which controls it serves.
async fn checks(
    reads: &Reads,
    labels: &Labels,
    mut installed: Vec<Installed<'_>>,
    now: Timestamp,
) -> Result<(Vec<CoverageCheck>, BTreeMap<ControlRef, Vec<usize>>), Error> {
    // Of several versions the words of the newest are shown.
    installed.sort_by_key(|one| std::cmp::Reverse(one.procedure.version));
    let ids: BTreeSet<Name> = installed.iter().map(|one| one.id.clone()).collect();
    let summaries = reads.check_summaries(&ids).await?.into_iter();
    let summaries: BTreeMap<(Name, Name), CheckSummary> =
        summaries.map(|summary| ((summary.procedure.clone(), summary.check.clone()), summary)).collect();
    let overdue = reads.overdue_among(&ids).await?;
    let mut checks: Vec<CoverageCheck> = Vec::new();
    let mut places: BTreeMap<(Name, Name), usize> = BTreeMap::new();
    let mut controls: BTreeMap<ControlRef, Vec<usize>> = BTreeMap::new();
    for Installed { id, procedure, runner } in &installed {
        for check in &procedure.checks {
            let Ok(name) = check.id.parse::<Name>() else { continue };
            let key = (id.clone(), name);
            let place = match places.get(&key) {
                Some(place) => *place,
                None => {
                    let summary = summaries.get(&key);
                    let last = summary.and_then(|summary| summary.last);
                    let is_old = last.is_some_and(|last| last.at < now.plus_ms(-STALE_MS));
                    checks.push(CoverageCheck {
                        procedure: key.0.clone(),
                        procedure_title: procedure.title.clone(),
                        check: key.1.clone(),
                        title: check.title.clone(),
                        severity: check.severity,
                        runners: summary.map(|summary| summary.runners).unwrap_or_default(),
                        last,
                        last_pass: summary.and_then(|summary| summary.last_pass),
                        at: labels.at(*runner)?,
                        digest: procedure.digest(),
                        is_stale: overdue.contains(id) || (procedure.schedule.is_none() && is_old),
                    });
                    places.insert(key, checks.len() - 1);
                    checks.len() - 1
                }
            };
            for control in of_check(procedure, check) {
                let serving = controls.entry(control).or_default();
                if !serving.contains(&place) {
                    serving.push(place);
                }
            }
        }
    }
    let name = |place: &usize| checks.get(*place).map(|check| (check.procedure.clone(), check.check.clone()));
    controls.values_mut().for_each(|serving| serving.sort_by_cached_key(name));
    Ok((checks, controls))
}

impl Known {
    /// Frameworks that a procedure names or that are listed.
    fn frameworks(&self) -> BTreeSet<&str> {
        let named = self.controls.keys().map(|control| control.framework.as_str());
        named.chain(self.scopes.iter().map(|scope| scope.framework.as_str())).collect()
    }

    fn scope(&self, framework: &str) -> Option<(&ScopeOf, &[ScopedControl])> {
        let of = self.scopes.iter().find(|scope| scope.framework.as_str() == framework)?;
        Some((of, self.scoped.get(&of.framework).map_or(&[], Vec::as_slice)))
    }

    /// The controls of a framework, those that are served and those that are listed.
    fn controls_of(&self, framework: &str) -> Vec<Control<'_>> {
        let listed: BTreeMap<&str, &ScopedControl> =
            self.scope(framework).into_iter().flat_map(|(_, all)| all).map(|one| (one.control.as_str(), one)).collect();
        let served = self.controls.iter().filter(|(control, _)| control.framework == framework);
        let served: BTreeMap<&str, &[usize]> =
            served.map(|(control, checks)| (control.control.as_str(), checks.as_slice())).collect();
        let names: BTreeSet<&str> = served.keys().chain(listed.keys()).copied().collect();
        let mut all: Vec<Control<'_>> = names
            .into_iter()
            .map(|control| Control {
                control,
                listed: listed.get(control).copied(),
                checks: served.get(control).copied().unwrap_or_default(),
            })
            .collect();
        all.sort_by_cached_key(|one| natural(one.control));
        all
    }

    fn checks<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a CoverageCheck> + Clone {
        places.iter().filter_map(|place| self.checks.get(*place))
    }

    fn framework(&self, framework: &str) -> FrameworkCoverage {
        let scope = self.scope(framework).map(|(of, _)| of.clone());
        let mut counts = CoverageCounts::default();
        let one = |Control { control, listed, checks }: Control<'_>| {
            let state = CoverageState::of(self.checks(checks));
            counts.count(state);
            ControlCoverage {
                control: control.to_owned(),
                title: listed.and_then(|listed| listed.title.clone()),
                in_scope: scope.is_some().then_some(listed.is_some()),
                state,
                last: self.checks(checks).filter_map(|check| check.last.map(|word| word.at)).max(),
                checks: self.checks(checks).cloned().collect(),
            }
        };
        let controls = self.controls_of(framework).into_iter().map(one).collect();
        FrameworkCoverage { framework: framework.to_owned(), controls, counts, scope }
    }

    fn summary(&self, framework: &str) -> FrameworkSummary {
        let mut counts = CoverageCounts::default();
        let one = |Control { control, checks, .. }: Control<'_>| {
            let state = CoverageState::of(self.checks(checks));
            counts.count(state);
            (control.to_owned(), state)
        };
        let controls = self.controls_of(framework).into_iter().map(one).collect();
        let scope = self.scope(framework).map(|(of, _)| of.clone());
        FrameworkSummary { framework: framework.to_owned(), counts, scope, controls }
    }
}

/// A piece of a control's name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Number(u64),
    Text(String),
}

/// A control's name as people put such names in order: `3.4` stands before `3.10`.
fn natural(name: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|next: char| next.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(match piece.parse() {
            Ok(number) if is_digit => Piece::Number(number),
            Ok(_) | Err(_) => Piece::Text(piece.to_owned()),
        });
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_numbers() {
        let mut names = ["A.5.15", "3.10", "A.5.2", "3.4", "AC-2(10)", "AC-2(3)", "AC-2", "99999999999999999999999"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["3.4", "3.10", "99999999999999999999999", "A.5.2", "A.5.15", "AC-2", "AC-2(3)", "AC-2(10)"]);
    }
}
