//! Wrong certificates, each refused by the verifier with its reason and by a real handshake; and right ones, let in by
//! both, so that the refusals mean something.

#[cfg(test)]
mod animals;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod handshake;
#[cfg(test)]
mod refusals;
