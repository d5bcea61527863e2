//! Populations: is the list complete, does every item have its own name, and which part of it is examined.

use std::collections::HashSet;

use cel::common::types::CelList;
use cel::common::value::CowVal;
use crypto::Digest;
use crypto::digest::{Sha256, sha256, sha256_parts};
use verdict::Code;

use super::store::{Block, Store};
use super::{Failure, PopulationState, Sampled};
use crate::expression::{Bound, Expression, Native};
use crate::model::{Population, Sample};

/// The names of a population's items, and which of them are in the sample.
pub(super) struct Listed {
    pub(super) keys: Vec<String>,
    pub(super) sampled: Option<Vec<usize>>,
}

/// A proof: what is said about the population, its list, its names, and the list of its sample.
struct Proof<'g> {
    state: PopulationState,
    list: CowVal<'g, 'g>,
    listed: Listed,
    picked: Option<Native<'g>>,
}

impl<'g> Store<'g> {
    /// Makes `population.NAME` and `sample.NAME`.
    pub(super) fn population(&mut self, name: &str) -> Option<Block> {
        let population = self.procedure.population(name)?;
        let (state, block) = match self.provide(population.expressions()) {
            Some(Block::Pending) => (PopulationState::Pending, Some(Block::Pending)),
            Some(Block::Failed(failure)) => (PopulationState::Failed(failure.clone()), Some(Block::Failed(failure))),
            // A population that waits for an answer that never came cannot be proven any more.
            Some(Block::Overdue) => {
                let failure = Failure::new(Code::Dependency, "a person did not answer in time");
                (PopulationState::Failed(failure), Some(Block::Overdue))
            }
            None => match self.prove(population) {
                Ok(proof) => {
                    self.set(format!("population.{name}"), proof.list);
                    if let Some(picked) = proof.picked {
                        self.set(format!("sample.{name}"), CowVal::Owned(picked));
                    }
                    self.listed.insert(name.to_owned(), proof.listed);
                    (proof.state, None)
                }
                Err(text) => {
                    let text = format!("the population `{name}` is not proven: {text}");
                    let failure = Failure::new(Code::PopulationNotProven, text);
                    (PopulationState::Failed(failure.clone()), Some(Block::Failed(failure)))
                }
            },
        };
        self.populations.insert(name.to_owned(), state);
        block
    }

    fn prove(&self, population: &Population) -> Result<Proof<'g>, String> {
        let list = self.evaluate(&population.from).map_err(|failure| failure.text)?;
        let items = list.downcast_ref::<CelList<'_>>().ok_or("`from` does not give a list")?.inner();
        let keys = self.keys(&population.key, items)?;
        for (index, expression) in population.complete.iter().enumerate() {
            let holds = self.machine.truth(expression, self.bound(), &mut self.machine.begin());
            match holds {
                Ok(true) => {}
                Ok(false) => return Err(format!("the {}. expression of `complete` is false", index + 1)),
                Err(failure) => return Err(format!("the {}. expression of `complete`: {}", index + 1, failure.text)),
            }
        }
        let digest = digest(&keys);
        let sampled = match &population.sample {
            Some(sample) => Some(self.sample(population, sample, items, &keys, digest)?),
            None => None,
        };
        let (sample, sampled) = sampled.map_or((None, None), |(sample, indices)| (Some(sample), Some(indices)));
        let picked = sampled.as_ref().map(|indices| {
            crate::expression::list(
                indices.iter().filter_map(|index| items.get(*index)).map(|item| item.clone_as_boxed()),
            )
        });
        let state = PopulationState::Proven { size: items.len(), digest, sample };
        Ok(Proof { state, list, listed: Listed { keys, sampled }, picked })
    }

    fn keys(&self, key: &Expression, items: &[Native<'_>]) -> Result<Vec<String>, String> {
        let mut allowance = self.machine.begin();
        let mut keys = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let bound = Bound { item: Some(item.as_ref()), ..self.bound() };
            let name = self.machine.text(key, bound, &mut allowance);
            keys.push(name.map_err(|failure| format!("item {} has no key: {}", index + 1, failure.text))?);
        }
        let mut seen = HashSet::with_capacity(keys.len());
        match keys.iter().enumerate().find(|(_, name)| !seen.insert(name.as_str())) {
            Some((index, name)) => Err(format!("the key of item {} is another item's too: {name}", index + 1)),
            None => Ok(keys),
        }
    }

    fn sample(
        &self,
        population: &Population,
        sample: &Sample,
        items: &[Native<'_>],
        keys: &[String],
        digest: Digest,
    ) -> Result<(Sampled, Vec<usize>), String> {
        let mut allowance = self.machine.begin();
        let (mut taken, mut rest) = (Vec::new(), Vec::new());
        for (index, item) in items.iter().enumerate() {
            let always = match &sample.always {
                None => false,
                Some(always) => {
                    let bound = Bound { item: Some(item.as_ref()), ..self.bound() };
                    let outcome = self.machine.truth(always, bound, &mut allowance);
                    outcome.map_err(|failure| format!("`always` for item {}: {}", index + 1, failure.text))?
                }
            };
            if always { taken.push(index) } else { rest.push(index) }
        }
        let seed = seed(&self.world.run.id, &population.name, digest);
        taken.extend(choose(keys, rest, seed, sample.size));
        taken.sort_unstable();
        let chosen = taken.iter().filter_map(|index| keys.get(*index).cloned()).collect();
        Ok((Sampled { seed, keys: chosen }, taken))
    }
}

/// SHA-256 over the SHA-256 of each key, the keys sorted bytewise.
pub(super) fn digest(keys: &[String]) -> Digest {
    let mut sorted: Vec<_> = keys.iter().map(String::as_bytes).collect();
    sorted.sort_unstable();
    let mut hasher = Sha256::new();
    sorted.iter().for_each(|key| hasher.update(sha256(key).as_bytes()));
    hasher.finish()
}

/// What decides a sample. The run's id is fixed before anything is collected, so nobody can choose.
pub(super) fn seed(run: &str, population: &str, digest: Digest) -> Digest {
    sha256_parts(&[b"sample/v1", &[0], run.as_bytes(), &[0], population.as_bytes(), &[0], digest.as_bytes()])
}

/// The `size` candidates with the smallest SHA-256 of seed and key, smallest first.
pub(super) fn choose(keys: &[String], candidates: Vec<usize>, seed: Digest, size: usize) -> Vec<usize> {
    let mut ranked: Vec<_> = candidates
        .into_iter()
        .filter_map(|index| Some((sha256_parts(&[seed.as_bytes(), keys.get(index)?.as_bytes()]), index)))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().take(size).map(|(_, index)| index).collect()
}
