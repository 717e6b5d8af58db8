//! What a verifier must refuse, and what it remembers.

mod forgeries;
mod remembered;
