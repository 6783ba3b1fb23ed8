//! Another bongsu, over its socket.

use crate::base::net::unix::SocketClient;
use crate::model::action::{Action, Outcome};
use crate::model::answer::Answer;
use crate::model::request::Request;
use crate::source::api::{Reply, Source, SourceError};
use crate::wire::bongsu_json::{self, Failure, FailureKind, SpeechError, Told};
use std::io;
use std::path::PathBuf;

/// An engine that listens on a socket of this machine.
#[derive(Debug)]
pub struct RemoteBongsu {
    socket: SocketClient,
}

impl RemoteBongsu {
    pub fn new(socket: PathBuf) -> Self {
        Self {
            socket: SocketClient::new(socket),
        }
    }

    fn gone(&self, e: &io::Error) -> SourceError {
        let path = self.socket.path().display();
        SourceError::Unavailable(format!("the engine at {path} does not answer: {e}"))
    }
}

impl Source for RemoteBongsu {
    fn ask(&self, request: Request) -> Reply<'_, Answer> {
        Box::pin(async move {
            let body = bongsu_json::write_request(&request);
            let (_, answer) = self
                .socket
                .post(bongsu_json::ASK_PATH, body)
                .await
                .map_err(|e| self.gone(&e))?;
            open(bongsu_json::read_answer(&answer))
        })
    }

    fn act(&self, action: Action) -> Reply<'_, Outcome> {
        Box::pin(async move {
            let body = bongsu_json::write_action(&action);
            let (_, outcome) = self
                .socket
                .post_once(bongsu_json::ACT_PATH, body)
                .await
                .map_err(|e| self.gone(&e))?;
            open(bongsu_json::read_outcome(&outcome))
        })
    }
}

fn open<T>(told: Result<Told<T>, SpeechError>) -> Result<T, SourceError> {
    match told {
        Ok(Told::Good(value)) => Ok(value),
        Ok(Told::Bad(failure)) => Err(failure.into()),
        Err(e) => Err(SourceError::Unavailable(e.to_string())),
    }
}

impl From<Failure> for SourceError {
    fn from(failure: Failure) -> Self {
        let Failure { kind, said, at } = failure;
        match kind {
            FailureKind::BadRequest => Self::BadRequest { said, at },
            FailureKind::Execution => Self::Execution(said),
            FailureKind::Timeout => Self::Timeout(said),
            FailureKind::Cancelled => Self::Cancelled,
            FailureKind::Unavailable => Self::Unavailable(said),
            FailureKind::NotAllowed => Self::NotAllowed(said),
            FailureKind::Internal => Self::Internal(said),
        }
    }
}
