//! What can be asked and ordered of any backend.

use crate::model::action::{Action, Outcome};
use crate::model::answer::Answer;
use crate::model::request::Request;
use std::future::Future;
use std::pin::Pin;

/// A pending answer. Dropping it cancels the work behind it.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, SourceError>> + Send + 'a>>;

/// A backend: the engine inside this process, or one that is reached over a socket.
pub trait Source: Send + Sync {
    fn ask(&self, request: Request) -> Reply<'_, Answer>;

    /// Carries out an order for the caller who is known to this source.
    fn act(&self, action: Action) -> Reply<'_, Outcome>;
}

/// Why there is no answer. The text is for a person: what failed, on what, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The question is wrong; `at` is the byte range of the expression that is to blame.
    #[error("{said}")]
    BadRequest {
        said: String,
        at: Option<(usize, usize)>,
    },
    #[error("{0}")]
    Execution(String),
    #[error("{0}")]
    Timeout(String),
    #[error("cancelled")]
    Cancelled,
    /// History is still being opened, or the backend cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    NotAllowed(String),
    #[error("{0}")]
    Internal(String),
}
