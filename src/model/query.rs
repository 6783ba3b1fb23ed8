//! What was asked in the query bars of consoles.

use serde::{Deserialize, Serialize};

/// A language of questions, and so a query bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    PromQl,
    /// Words and LogQL, as the bar of the Logs tab takes them.
    LogQl,
}

/// One query that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptQuery {
    pub language: Language,
    pub text: String,
}
