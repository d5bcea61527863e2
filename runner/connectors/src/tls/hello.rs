//! The first message of a handshake, for one version of the protocol, and the first messages of the answer.
//!
//! The TLS library speaks 1.2 and 1.3 only, with good ciphers only. To know what an endpoint would accept from others,
//! one has to offer what others offer (RFC 2246, 4346, 5246, 8446).

use crate::tls::TlsVersion;

/// Everything that was ever in wide use, so that a refusal is about the version and not about the ciphers.
const CIPHERS: &[u16] = &[
    0xc02c, 0xc030, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0x009f, 0x009e, 0xccaa, 0xc024, 0xc028, 0xc023, 0xc027, 0xc00a,
    0xc014, 0xc009, 0xc013, 0x006b, 0x0067, 0x0039, 0x0033, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x0088,
    0x0084, 0x0045, 0x0041, 0x0016, 0xc012, 0xc008, 0x000a, 0xc011, 0xc007, 0x0005, 0x0004, 0x00ff,
];
const CIPHERS_13: &[u16] = &[0x1301, 0x1302, 0x1303];
const GROUPS: &[u16] = &[0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x0100, 0x0101];
const SIGNATURES: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
    0x0203, 0x0201, 0x0402,
];

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const CHANGE_CIPHER_SPEC: u8 = 20;
/// Largest record (RFC 5246 §6.2.3) and largest answer that is read.
const RECORD: usize = 16_384 + 2_048;
const ANSWER: usize = 512 << 10;

impl TlsVersion {
    fn number(self) -> u16 {
        match self {
            Self::Tls10 => 0x0301,
            Self::Tls11 => 0x0302,
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }
}

/// A ClientHello that offers this version and no other. `random` fills the fields that must not repeat.
pub(super) fn client_hello(version: TlsVersion, name: Option<&str>, random: &[u8; 96]) -> Vec<u8> {
    let is_13 = version == TlsVersion::Tls13;
    let (nonce, rest) = random.split_at(32);
    let (session, share) = rest.split_at(32);
    let mut body = version.number().min(0x0303).to_be_bytes().to_vec();
    body.extend_from_slice(nonce);
    vector8(&mut body, if is_13 { session } else { &[] });
    vector16(&mut body, &numbers(if is_13 { CIPHERS_13 } else { CIPHERS }));
    vector8(&mut body, &[0]);

    let mut extensions = Vec::new();
    if let Some(name) = name {
        let mut entry = vec![0];
        vector16(&mut entry, name.as_bytes());
        extension(&mut extensions, 0, |out| vector16(out, &entry));
    }
    extension(&mut extensions, 10, |out| vector16(out, &numbers(GROUPS)));
    extension(&mut extensions, 11, |out| vector8(out, &[0]));
    if version >= TlsVersion::Tls12 {
        extension(&mut extensions, 13, |out| vector16(out, &numbers(SIGNATURES)));
    }
    if is_13 {
        extension(&mut extensions, 43, |out| vector8(out, &version.number().to_be_bytes()));
        extension(&mut extensions, 45, |out| vector8(out, &[1]));
        // Any 32 bytes are an X25519 share; the handshake ends before it is used.
        let mut entry = 0x001d_u16.to_be_bytes().to_vec();
        vector16(&mut entry, share);
        extension(&mut extensions, 51, |out| vector16(out, &entry));
    } else {
        extension(&mut extensions, 23, |_| {});
    }
    vector16(&mut body, &extensions);

    let mut message = vec![1, 0];
    vector16(&mut message, &body);
    let mut record = vec![HANDSHAKE, 3, 1];
    vector16(&mut record, &message);
    record
}

fn numbers(list: &[u16]) -> Vec<u8> {
    list.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn vector8(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(bytes);
}

fn vector16(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn extension(out: &mut Vec<u8>, number: u16, write: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    write(&mut body);
    out.extend_from_slice(&number.to_be_bytes());
    vector16(out, &body);
}

/// What an endpoint has answered so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Not enough to tell.
    Incomplete,
    /// A ServerHello for this version, and the certificates if they follow in the clear.
    Hello { version: u16, chain: Option<Vec<Vec<u8>>> },
    /// A fatal alert.
    Alert(u8),
    /// No TLS at all.
    Foreign,
}

impl Answer {
    /// Whether the version is the one that was asked for.
    pub(super) fn is_version(&self, asked: TlsVersion) -> bool {
        matches!(self, Self::Hello { version, .. } if *version == asked.number())
    }
}

/// Reads what has come in. With `wants_chain` an answer without its certificates is incomplete.
pub(super) fn read(bytes: &[u8], wants_chain: bool) -> Answer {
    let mut input = Input(bytes);
    let mut messages = Vec::new();
    while let Some(kind) = input.u8() {
        // The major version of every record is 3.
        if !matches!(kind, HANDSHAKE | ALERT | CHANGE_CIPHER_SPEC) || input.peek().is_some_and(|major| major != 3) {
            return if messages.is_empty() { Answer::Foreign } else { break };
        }
        let (Some(_), Some(length)) = (input.u16(), input.u16()) else { break };
        if usize::from(length) > RECORD || bytes.len() > ANSWER {
            return Answer::Foreign;
        }
        let Some(body) = input.take(length.into()) else { break };
        match (kind, body) {
            (HANDSHAKE, _) => messages.extend_from_slice(body),
            // A warning is no refusal: the endpoint goes on.
            (ALERT, [2, number]) => {
                return match hello(&messages, false) {
                    Answer::Incomplete => Answer::Alert(*number),
                    hello => hello,
                };
            }
            _ => {}
        }
    }
    hello(&messages, wants_chain)
}

fn hello(messages: &[u8], wants_chain: bool) -> Answer {
    let mut input = Input(messages);
    let mut version = None;
    let mut chain = None;
    while let Some((kind, body)) = input.message() {
        match (kind, version) {
            (2, None) => match server_version(body) {
                Some(found) => version = Some(found),
                None => return Answer::Foreign,
            },
            (11, Some(_)) => chain = certificates(body),
            (_, None) => return Answer::Foreign,
            // After the hello of 1.3 everything is encrypted; before that, the key exchange ends what is of interest.
            _ => {}
        }
    }
    match version {
        Some(version) if !wants_chain || chain.is_some() => Answer::Hello { version, chain },
        _ => Answer::Incomplete,
    }
}

fn server_version(body: &[u8]) -> Option<u16> {
    let mut input = Input(body);
    let legacy = input.u16()?;
    input.take(32)?;
    let session = input.u8()?;
    input.take(session.into())?;
    input.take(3)?;
    let Some(length) = input.u16() else { return Some(legacy) };
    let mut extensions = Input(input.take(length.into())?);
    while let (Some(number), Some(length)) = (extensions.u16(), extensions.u16()) {
        let value = extensions.take(length.into())?;
        if let (43, [high, low]) = (number, value) {
            return Some(u16::from_be_bytes([*high, *low]));
        }
    }
    Some(legacy)
}

fn certificates(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut input = Input(body);
    let total = input.u24()?;
    let mut list = Input(input.take(total)?);
    let mut chain = Vec::new();
    while let Some(length) = list.u24() {
        chain.push(list.take(length)?.to_vec());
    }
    Some(chain)
}

/// Bytes that are read from the front; nothing if there are too few.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u24(&mut self) -> Option<usize> {
        let high = self.u8()?;
        Some((usize::from(high) << 16) | usize::from(self.u16()?))
    }

    fn message(&mut self) -> Option<(u8, &'a [u8])> {
        let kind = self.u8()?;
        let length = self.u24()?;
        Some((kind, self.take(length)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind, 3, 3];
        vector16(&mut out, body);
        out
    }

    fn server_hello(version: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        vector8(&mut body, &[]);
        body.extend([0xc0, 0x2f, 0]);
        vector16(&mut body, extensions);
        let mut message = vec![2, 0];
        vector16(&mut message, &body);
        message
    }

    #[test]
    fn a_hello_says_which_version() {
        let old = record(HANDSHAKE, &server_hello(0x0301, &[]));
        assert!(read(&old, false).is_version(TlsVersion::Tls10));
        let new = record(HANDSHAKE, &server_hello(0x0303, &[0, 43, 0, 2, 3, 4]));
        assert!(read(&new, false).is_version(TlsVersion::Tls13) && !read(&new, false).is_version(TlsVersion::Tls12));
        for cut in 0..old.len() {
            assert_eq!(read(&old[..cut], false), Answer::Incomplete, "{cut}");
        }
        let warned = [record(ALERT, &[1, 112]), old].concat();
        assert!(read(&warned, false).is_version(TlsVersion::Tls10));
    }

    #[test]
    fn certificates_are_read_across_records() {
        let certificates = [11, 0, 0, 10, 0, 0, 7, 0, 0, 4, 1, 2, 3, 4];
        let messages = [server_hello(0x0302, &[]), certificates.to_vec()].concat();
        let (first, second) = messages.split_at(50);
        let split = [record(HANDSHAKE, first), record(HANDSHAKE, second)].concat();
        assert_eq!(read(&split, true), Answer::Hello { version: 0x0302, chain: Some(vec![vec![1, 2, 3, 4]]) });
        assert_eq!(read(&split[..60], true), Answer::Incomplete);
    }

    #[test]
    fn alerts_and_strangers_are_told_apart() {
        assert_eq!(read(&record(ALERT, &[2, 70]), false), Answer::Alert(70));
        assert_eq!(read(b"HTTP/1.1 400 Bad Request\r\n", false), Answer::Foreign);
        assert_eq!(read(b"SSH-2.0-OpenSSH_9.2\r\n", false), Answer::Foreign);
        assert_eq!(read(&record(HANDSHAKE, &[1, 0, 0, 0]), false), Answer::Foreign);
        assert_eq!(read(&[22, 3, 3, 255, 255], false), Answer::Foreign);
    }

    #[test]
    fn lengths_of_an_offer_add_up() {
        for version in super::super::all() {
            let hello = client_hello(version, Some("example.net"), &[9; 96]);
            let mut input = Input(&hello);
            assert_eq!((input.u8(), input.u16()), (Some(HANDSHAKE), Some(0x0301)));
            let length = input.u16().unwrap();
            let mut message = Input(input.take(length.into()).unwrap());
            assert!(input.0.is_empty());
            assert_eq!(message.message().unwrap().0, 1);
            assert!(message.0.is_empty());
        }
    }
}
