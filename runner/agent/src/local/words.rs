//! What the two sides say to each other: a length of four bytes and so much JSON.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fail::{Exit, Fail};

/// More than an attachment with everything around it.
const LONGEST: u64 = 64 * 1024 * 1024;

/// From the person's process to the service.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum FromCaller {
    /// Carry this out.
    Command { arguments: Vec<String>, software: String, account: String },
    /// What was asked for.
    Bytes { base64: String },
    /// It is done.
    Done,
    /// It could not be done.
    Refused { error: Refusal },
}

/// From the service to the person's process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum FromService {
    /// Print this as the result.
    Print { text: String },
    /// Print this beside the result.
    Remark { text: String },
    /// Give the bytes of a file.
    Read { path: PathBuf, limit: u64 },
    /// Say that this file does not exist.
    RefuseExisting { path: PathBuf },
    /// Write a new file.
    Write { path: PathBuf, base64: String },
    /// Give what comes over standard input.
    Input { limit: u64 },
    /// Give a variable of the environment.
    Variable { name: String },
    /// The command has ended so.
    Ended { exit: u8 },
    /// It is not carried out.
    Refused { error: Refusal },
}

/// An error on its way to the other side.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    exit: u8,
    code: String,
    message: String,
    next: String,
}

impl From<Fail> for Refusal {
    fn from(Fail { exit, code, message, next }: Fail) -> Self {
        Self { exit: exit as u8, code, message, next }
    }
}

impl From<Refusal> for Fail {
    fn from(Refusal { exit, code, message, next }: Refusal) -> Self {
        Self { exit: exit_of(exit), code, message, next }
    }
}

/// An exit code as a number; a number that is none of them is a fault.
pub(super) fn exit_of(number: u8) -> Exit {
    [Exit::Pass, Exit::NotPass, Exit::BadInput].into_iter().find(|exit| *exit as u8 == number).unwrap_or(Exit::Fault)
}

pub(super) fn send(stream: &mut impl Write, words: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(words)?;
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&bytes)?;
    stream.flush()
}

pub(super) fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u64::from(u32::from_be_bytes(length));
    if length > LONGEST {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let mut bytes = Vec::new();
    if stream.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_whole_or_not_at_all() {
        let mut sent = Vec::new();
        send(&mut sent, &FromService::Read { path: "a\u{202e}b".into(), limit: 7 }).unwrap();
        let read = |bytes: &[u8]| receive::<FromService>(&mut &*bytes);
        assert!(matches!(read(&sent).unwrap(), FromService::Read { limit: 7, .. }));
        for end in 0..sent.len() {
            assert!(read(&sent[..end]).is_err(), "{end} bytes");
        }
        assert!(read(&[0xff; 64]).is_err(), "longer than anything that is said");
        assert!(read(b"\0\0\0\x0f{\"say\":\"nope\"}x").is_err());
    }

    #[test]
    fn an_error_is_the_same_on_the_other_side() {
        for fail in [Fail::input("E-A-001", "m", "n"), Fail::fault("E-A-002", "m", "n")] {
            let (exit, code) = (fail.exit, fail.code.clone());
            let back = Fail::from(Refusal::from(fail));
            assert_eq!((back.exit, back.code), (exit, code));
        }
        assert_eq!(exit_of(9), Exit::Fault);
    }
}
