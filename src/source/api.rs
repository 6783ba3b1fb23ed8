//! What can be asked and ordered of any backend.

use crate::base::cancel::Stopped;
use crate::model::action::{Action, Outcome};
use crate::model::answer::Answer;
use crate::model::request::Request;
use crate::wire::bongsu_json::{Failure, FailureKind};
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

/// Who asks. An order is carried out, or not, in this name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The process that asks, where the kernel told it: by it consoles are told apart.
    pub pid: Option<i32>,
    pub class: Class,
    /// The user's number where the kernel told it; `None` for a caller over TCP.
    pub uid: Option<u32>,
    /// How the person is called in records: the account, or the name given with credentials.
    pub name: String,
    /// What the caller's environment says beside that (`sudo`, ssh); a remark, never a right.
    pub remark: String,
    /// May give orders at all: the console itself, a member of the socket's group, or somebody
    /// with credentials.
    pub may_act: bool,
}

/// Whose questions are answered first, and by which threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// A person at this machine waits: a console, a command over the socket.
    Console,
    /// Rules: their evaluation must not be late.
    Rules,
    #[default]
    Other,
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

impl From<Stopped> for SourceError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Cancelled => Self::Cancelled,
            Stopped::Deadline => Self::Timeout(
                "the question took longer than it may; ask for a shorter range or fewer series"
                    .to_owned(),
            ),
        }
    }
}

/// As it travels to an attached console.
impl From<SourceError> for Failure {
    fn from(e: SourceError) -> Self {
        let said = e.to_string();
        let (kind, at) = match e {
            SourceError::BadRequest { at, .. } => (FailureKind::BadRequest, at),
            SourceError::Execution(_) => (FailureKind::Execution, None),
            SourceError::Timeout(_) => (FailureKind::Timeout, None),
            SourceError::Cancelled => (FailureKind::Cancelled, None),
            SourceError::Unavailable(_) => (FailureKind::Unavailable, None),
            SourceError::NotAllowed(_) => (FailureKind::NotAllowed, None),
            SourceError::Internal(_) => (FailureKind::Internal, None),
        };
        Self { kind, said, at }
    }
}
