//! Things that `proof` signs or chains, checked for their form when they are taken in. Whether a signature verifies and a
//! line follows is for those who have the keys and the log.

use std::fmt;

use proof::dsse;
use proof::log::{self, Head, Line};
use proof::note::{NoteError, SignedNote};

use crate::refusal::{Fault, Refusal};
use crate::wire::Wire;

/// A DSSE envelope of at most `MAX` bytes. Nothing in it is to be believed before it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<const MAX: usize>(dsse::Envelope);

impl<const MAX: usize> Envelope<MAX> {
    /// Reads an envelope.
    ///
    /// # Errors
    ///
    /// More bytes than allowed, or another form.
    pub fn new(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.is_empty() {
            return Err(Fault::Missing);
        }
        if bytes.len() > MAX {
            return Err(Fault::TooLong { max: MAX });
        }
        dsse::Envelope::parse(bytes, MAX).map(Self).map_err(|_| Fault::Wrong("a DSSE envelope"))
    }

    /// The envelope, not verified.
    pub fn envelope(&self) -> &dsse::Envelope {
        &self.0
    }

    /// The exact bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl<const MAX: usize> TryFrom<dsse::Envelope> for Envelope<MAX> {
    type Error = Fault;

    fn try_from(envelope: dsse::Envelope) -> Result<Self, Fault> {
        if envelope.bytes().len() > MAX { Err(Fault::TooLong { max: MAX }) } else { Ok(Self(envelope)) }
    }
}

impl<const MAX: usize> Wire for Envelope<MAX> {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = Some(MAX);

    fn read(wire: Vec<u8>) -> Result<Self, Refusal> {
        Ok(Self::new(&wire)?)
    }

    fn write(self) -> Vec<u8> {
        self.0.bytes().to_vec()
    }
}

/// One record of a journal: a line without its newline, in the form that every record has.
#[derive(Clone, PartialEq, Eq)]
pub struct JournalLine {
    text: String,
    head: Head,
    /// Where the fields after the head begin; kept so that a line is read once on its way in.
    rest: usize,
}

impl JournalLine {
    /// Bytes of the line, at most.
    pub const MAX_BYTES: usize = log::MAX_LINE;

    /// Takes a line in.
    ///
    /// # Errors
    ///
    /// A text that is not one record.
    pub fn new(line: String) -> Result<Self, Fault> {
        if line.is_empty() {
            return Err(Fault::Missing);
        }
        if line.len() > Self::MAX_BYTES {
            return Err(Fault::TooLong { max: Self::MAX_BYTES });
        }
        let read = Line::parse(&line).map_err(|_| Fault::Wrong("one record of a log"))?;
        let (head, rest) = (read.head(), line.len() - read.rest().len());
        Ok(Self { text: line, head, rest })
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Position, previous hash and time.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The fields after the head, up to and including the closing brace.
    pub fn rest(&self) -> &str {
        self.text.get(self.rest..).unwrap_or_default()
    }

    /// The line, read again.
    pub fn line(&self) -> Line<'_> {
        Line::parse(&self.text).expect("a line that was taken in is a record")
    }
}

impl fmt::Debug for JournalLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JournalLine({} bytes)", self.text.len())
    }
}

impl Wire for JournalLine {
    type Proto = String;
    const MAX_BYTES: Option<usize> = Some(log::MAX_LINE);

    fn read(wire: String) -> Result<Self, Refusal> {
        Ok(Self::new(wire)?)
    }

    fn write(self) -> String {
        self.text
    }
}

/// A signed note: a checkpoint with the signatures under it.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteText(String);

impl NoteText {
    /// Bytes of the note, at most; a checkpoint with dozens of witnesses is a tenth of it.
    pub const MAX_BYTES: usize = 65_536;

    /// Takes a note in.
    ///
    /// # Errors
    ///
    /// A text that is not a signed note.
    pub fn new(text: String) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::Missing);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(Fault::TooLong { max: Self::MAX_BYTES });
        }
        match read_note(&text) {
            Ok(_) => Ok(Self(text)),
            Err(_) => Err(Fault::Wrong("a signed note")),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The note, not verified.
    pub fn note(&self) -> SignedNote {
        read_note(&self.0).expect("a text that was taken in is a signed note")
    }
}

/// Also refuses what cannot be seen or turns the text: a note is shown to people.
fn read_note(text: &str) -> Result<SignedNote, NoteError> {
    let note = SignedNote::parse(text)?;
    if text.chars().any(|character| character != '\n' && proof::text::is_deceptive(character)) {
        return Err(NoteError::Form("it has a control character"));
    }
    Ok(note)
}

impl TryFrom<&SignedNote> for NoteText {
    type Error = Fault;

    fn try_from(note: &SignedNote) -> Result<Self, Fault> {
        Self::new(note.to_text())
    }
}

impl fmt::Debug for NoteText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteText({} bytes)", self.0.len())
    }
}

impl Wire for NoteText {
    type Proto = String;
    const MAX_BYTES: Option<usize> = Some(65_536);

    fn read(wire: String) -> Result<Self, Refusal> {
        Ok(Self::new(wire)?)
    }

    fn write(self) -> String {
        self.0
    }
}
