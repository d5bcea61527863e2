//! How much may cross at once. Both ends hold to these numbers, so that neither can be made to hold more than it expects.

/// Bytes of one message from a Runner: a manifest of the largest size with its attestation, and room to spare.
pub const MAX_MESSAGE_FROM_RUNNER: usize = 20 * 1024 * 1024;

/// Bytes of one message to a Runner.
pub const MAX_MESSAGE_FROM_CONTROL_PLANE: usize = 1024 * 1024;

/// Bytes of one message of the enrolment service, in either direction.
pub const MAX_ENROLMENT_MESSAGE: usize = 64 * 1024;

/// Reports that may be under way, unless the control plane says otherwise.
pub const WINDOW: u32 = 256;

/// Reports that may be under way, at most.
pub const MAX_WINDOW: u32 = 4_096;

/// Seconds between two signs of life.
pub const ALIVE_SECONDS: u32 = 15;

/// Seconds between two signs of life, at most.
pub const MAX_ALIVE_SECONDS: u32 = 3_600;

/// Signs of life that may be missing before a session counts as dead.
pub const MISSED_ALIVES: u32 = 3;

/// Seconds that one side may ask the other to wait before it comes back, at most: a day.
pub const MAX_RETRY_AFTER_SECONDS: u32 = 86_400;

/// Sealed frames that may be under way to a person who reads.
pub const CREDIT: u32 = 8;

/// Sealed frames that one message may grant, at most.
pub const MAX_CREDIT: u32 = 1_024;

/// Bytes of plaintext in one sealed frame, at most (formats §5).
pub const FRAME: usize = 262_144;

/// Bytes that sealing adds to a frame: the tag of AES-256-GCM.
pub const SEAL_TAG: usize = 16;

/// A count, sequence number or generation is at most 2^53 - 1: what every reader of JSON reads exactly.
pub const MAX_COUNT: u64 = (1 << 53) - 1;

/// Bytes of an attested run's manifest.
pub const MAX_MANIFEST: usize = 16 * 1024 * 1024;

/// Bytes of an attestation's envelope.
pub const MAX_ATTESTATION: usize = 1024 * 1024;

/// Bytes of the envelope of a statement or a receipt.
pub const MAX_STATEMENT: usize = 16 * 1024;

/// Bytes of one procedure's file.
pub const MAX_PROCEDURE: usize = 256 * 1024;

/// Procedures that are installed at a Runner.
pub const MAX_PROCEDURES: usize = 500;

/// Steps of a procedure, at most, those that come last in any case included.
pub const MAX_STEPS: u32 = 100;

/// Runs that a Runner says it works at, at most.
pub const MAX_UNDER_WAY: usize = 64;

/// Bytes of the files in one catalogue; an operator who has more installed withholds some.
pub const MAX_CATALOGUE_SOURCES: usize = 16 * 1024 * 1024;

/// Marks of earlier sessions in one Hello: as many attempts may fail in a row before one of them is forgotten.
pub const MAX_MARKS: usize = 8;
