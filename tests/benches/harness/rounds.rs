//! Interleaved rounds: every contender once a round, each round beginning with another one, so that what the machine
//! does meanwhile meets all of them.

use super::table::note;
use super::{Cost, Outcome, Plan};

/// How far the floor may move between the halves of a run.
const DRIFT: f64 = 0.2;

/// How often a run whose floor moved is tried again.
const TRIES: usize = 3;

/// Somebody who does the same work. Gives what one unit of it cost; what must be made ready is not counted.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    pub(crate) work: Box<dyn FnMut() -> Outcome<Cost> + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, work: impl FnMut() -> Outcome<Cost> + 'a) -> Self {
        Self { name, work: Box::new(work) }
    }
}

/// Costs by contender and round.
pub(crate) struct Measured {
    costs: Vec<(&'static str, Vec<Cost>)>,
    /// Whether the floor moved too far.
    pub(crate) is_void: bool,
}

/// Runs all of them. The first one is the floor: if it moves, the run is void and tried again.
pub(crate) fn contend(plan: &Plan, mut contenders: Vec<Contender<'_>>) -> Outcome<Measured> {
    // Once, unmeasured: caches fill, files grow, pages are mapped.
    for contender in &mut contenders {
        (contender.work)()?;
    }
    let tries = if plan.is_quick { 1 } else { TRIES };
    let mut measured = once(plan, &mut contenders)?;
    for _ in 1..tries {
        if !measured.is_void {
            break;
        }
        note(format_args!("void: the floor moved by {:.0} %; once more", measured.drift() * 100.0))?;
        measured = once(plan, &mut contenders)?;
    }
    Ok(measured)
}

fn once(plan: &Plan, contenders: &mut [Contender<'_>]) -> Outcome<Measured> {
    let mut costs: Vec<_> = contenders.iter().map(|contender| (contender.name, Vec::new())).collect();
    for round in 0..plan.rounds() {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            if let (Some(contender), Some((_, costs))) = (contenders.get_mut(at), costs.get_mut(at)) {
                costs.push((contender.work)()?);
            }
        }
    }
    let mut measured = Measured { costs, is_void: false };
    measured.is_void = measured.drift() > DRIFT;
    Ok(measured)
}

impl Measured {
    /// Median seconds of a contender.
    pub(crate) fn wall(&self, name: &str) -> f64 {
        median(self.of(name).iter().map(|cost| cost.wall))
    }

    /// How fast `ours` is beside `other`, from the rounds in which both ran: 2 is twice as fast.
    pub(crate) fn speed(&self, ours: &str, other: &str) -> f64 {
        median(self.of(ours).iter().zip(self.of(other)).map(|(ours, other)| other.wall / ours.wall))
    }

    /// The same in processor time.
    pub(crate) fn thrift(&self, ours: &str, other: &str) -> f64 {
        median(self.of(ours).iter().zip(self.of(other)).map(|(ours, other)| other.cpu / ours.cpu))
    }

    fn of(&self, name: &str) -> &[Cost] {
        self.costs.iter().find(|(known, _)| *known == name).map_or(&[], |(_, costs)| costs.as_slice())
    }

    /// How far the floor of the second half is from that of the first.
    fn drift(&self) -> f64 {
        let floor = self.costs.first().map_or(&[][..], |(_, costs)| costs.as_slice());
        let (first, second) = floor.split_at(floor.len() / 2);
        let (first, second) = (median(first.iter().map(|cost| cost.wall)), median(second.iter().map(|cost| cost.wall)));
        (first.max(second) / first.min(second)) - 1.0
    }
}

/// The middle value; not a number if there is none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    values.get(middle).copied().unwrap_or(f64::NAN)
}
