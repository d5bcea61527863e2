//! What forms over lists have in common: days in one's own zone, and people and Runners to choose from.

use clock::Timestamp;
use control_plane_operations::console::{AtRunner, PersonRef};

use super::who::short;
use crate::console::values::Draft;
use crate::console::zone::Zone;

/// An option of a select: its value, and what it says.
pub(crate) type Choice = (String, String);

/// The days `from` and `to` of a form, the second included, as they begin and end in this zone. What is wrong stands in the
/// draft.
pub(crate) fn days(draft: &mut Draft, zone: Zone) -> (Option<Timestamp>, Option<Timestamp>) {
    let mut day = |name, later| {
        let text = draft.read_optional::<String>(name)?;
        let found = zone.day_begins(&text, later);
        if found.is_none() {
            draft.fault_at(name, "give a day as YYYY-MM-DD");
        }
        found
    };
    (day("from", 0), day("to", 1))
}

/// People to choose from; the values begin with `prefix`.
pub(crate) fn people(people: Vec<PersonRef>, prefix: &str, chosen: &str) -> Vec<Choice> {
    let named = people.into_iter().map(|person| {
        let name = person.name.map_or_else(|| short(&person.id), |name| name.to_string());
        (format!("{prefix}{}", person.id), name)
    });
    with_chosen(named.collect(), prefix, chosen)
}

/// Runners to choose from; the values begin with `prefix`.
pub(crate) fn runners(runners: Vec<AtRunner>, prefix: &str, chosen: &str) -> Vec<Choice> {
    let named = runners.into_iter().map(|runner| (format!("{prefix}{}", runner.id), runner.label.to_string()));
    with_chosen(named.collect(), prefix, chosen)
}

/// Whoever stands beyond what is offered is searched for all the same, and has to be seen to be.
fn with_chosen(mut offered: Vec<Choice>, prefix: &str, chosen: &str) -> Vec<Choice> {
    let is_id = chosen.strip_prefix(prefix).is_some_and(|id| id.parse::<ids::RunnerId>().is_ok());
    if is_id && !offered.iter().any(|(value, _)| value == chosen) {
        offered.push((chosen.to_owned(), short(&chosen)));
    }
    offered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_included_and_days_are_of_the_zone() {
        let of = |from: &str, to: &str| Draft::of([("from", from.to_owned()), ("to", to.to_owned())]);
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let mut draft = of("2026-07-02", "2026-07-02");
        let (from, until) = days(&mut draft, berlin);
        assert_eq!(from, Some("2026-07-01T22:00:00.000Z".parse().unwrap()));
        assert_eq!(until, Some("2026-07-02T22:00:00.000Z".parse().unwrap()));
        assert!(!draft.has_faults());
        let mut draft = of("yesterday", "");
        assert_eq!(days(&mut draft, berlin), (None, None));
        assert!(draft.has_faults());
    }

    #[test]
    fn who_was_chosen_is_offered() {
        let id = ids::RunnerId::from_parts(1, [7; 10]);
        let chosen = format!("runner-{id}");
        assert_eq!(runners(Vec::new(), "runner-", &chosen), [(chosen.clone(), short(&chosen))]);
        assert_eq!(runners(Vec::new(), "runner-", "runner-<script>"), []);
        assert_eq!(people(Vec::new(), "person-", &chosen), []);
    }
}
