//! Populations: is the list complete, does every item have its own name, and which part of it is examined.

use std::collections::HashSet;

use cel::common::types::{CelList, CelString};
use crypto::Digest;
use crypto::digest::{Sha256, sha256, sha256_parts};
use verdict::Code;

use super::store::{Block, Store};
use super::{Failure, PopulationState, Sampled};
use crate::expression::{Allowance, Bound, Expression, Native};
use crate::model::{Population, Sample};

/// The names of a population's items, and which of them are in the sample.
pub(super) struct Listed {
    pub(super) keys: Vec<String>,
    pub(super) sampled: Option<Vec<usize>>,
}

impl Store<'_> {
    /// Makes `population.NAME` and `sample.NAME`.
    pub(super) fn population(&mut self, name: &str) -> Option<Block> {
        let population = self.procedure.population(name)?;
        let always = population.sample.as_ref().and_then(|sample| sample.always.as_ref());
        let needed = [&population.from, &population.key].into_iter().chain(&population.complete).chain(always);
        if let Some(block) = self.provide(needed) {
            let state = match &block {
                Block::Failed(failure) => PopulationState::Failed(failure.clone()),
                // A population that waits for an answer that never came cannot be proven any more.
                Block::Overdue => {
                    let failure = Failure::new(Code::Dependency, "a person did not answer in time");
                    self.populations.insert(name.to_owned(), PopulationState::Failed(failure));
                    return Some(block);
                }
                Block::Pending => PopulationState::Pending,
            };
            self.populations.insert(name.to_owned(), state);
            return Some(block);
        }
        let proof = self.prove(population);
        let (state, block) = match proof {
            Ok((state, list, listed)) => {
                if let Some(sampled) = &listed.sampled {
                    let picked = sampled.iter().filter_map(|index| list.get(*index)).map(|item| item.clone_as_boxed());
                    self.run.set(format!("sample.{name}"), Box::new(CelList::from(picked.collect::<Vec<Native>>())));
                }
                self.run.set(format!("population.{name}"), Box::new(CelList::from(list)));
                self.listed.insert(name.to_owned(), listed);
                (state, None)
            }
            Err(text) => {
                let text = format!("the population `{name}` is not proven: {text}");
                let failure = Failure::new(Code::PopulationNotProven, text);
                (PopulationState::Failed(failure.clone()), Some(Block::Failed(failure)))
            }
        };
        self.populations.insert(name.to_owned(), state);
        block
    }

    fn prove(&self, population: &Population) -> Result<(PopulationState, Vec<Native>, Listed), String> {
        let value = self.machine.value(&population.from, Bound::to(&self.run)).map_err(|failure| failure.text)?;
        let list: Vec<Native> = Vec::try_from(value).map_err(|_| "`from` does not give a list".to_owned())?;
        let mut allowance = self.machine.begin();
        let keys = self.keys(&population.key, &list, &mut allowance)?;
        for (index, expression) in population.complete.iter().enumerate() {
            let mut allowance = self.machine.begin();
            let holds = self.machine.truth(expression, Bound::to(&self.run), &mut allowance);
            match holds {
                Ok(true) => {}
                Ok(false) => return Err(format!("the {}. expression of `complete` is false", index + 1)),
                Err(failure) => return Err(format!("the {}. expression of `complete`: {}", index + 1, failure.text)),
            }
        }
        let digest = digest(&keys);
        let sampled = match &population.sample {
            Some(sample) => Some(self.sample(population, sample, &list, &keys, digest)?),
            None => None,
        };
        let (sample, sampled) = sampled.map_or((None, None), |(sample, indices)| (Some(sample), Some(indices)));
        let state = PopulationState::Proven { size: list.len(), digest, sample };
        Ok((state, list, Listed { keys, sampled }))
    }

    fn keys(&self, key: &Expression, list: &[Native], allowance: &mut Allowance) -> Result<Vec<String>, String> {
        let mut keys = Vec::with_capacity(list.len());
        let mut seen = HashSet::with_capacity(list.len());
        for (index, item) in list.iter().enumerate() {
            let bound = Bound { item: Some(item.as_ref()), ..Bound::to(&self.run) };
            let name = self.machine.item_value(key, bound, allowance);
            let name = name.map_err(|failure| format!("item {} has no key: {}", index + 1, failure.text))?;
            let name = name.downcast_ref::<CelString<'_>>().map(|name| name.inner().to_owned());
            let name = name.filter(|name| !name.is_empty());
            let name =
                name.ok_or_else(|| format!("the key of item {} is not a text that says something", index + 1))?;
            if !seen.insert(name.clone()) {
                return Err(format!("the key of item {} is another item's too: {name}", index + 1));
            }
            keys.push(name);
        }
        Ok(keys)
    }

    fn sample(
        &self,
        population: &Population,
        sample: &Sample,
        list: &[Native],
        keys: &[String],
        digest: Digest,
    ) -> Result<(Sampled, Vec<usize>), String> {
        let mut allowance = self.machine.begin();
        let (mut taken, mut rest) = (Vec::new(), Vec::new());
        for (index, item) in list.iter().enumerate() {
            let always = match &sample.always {
                None => false,
                Some(always) => {
                    let bound = Bound { item: Some(item.as_ref()), ..Bound::to(&self.run) };
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
