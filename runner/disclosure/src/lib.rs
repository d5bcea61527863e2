//! runner-disclosure
