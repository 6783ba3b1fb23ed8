//! Lines that others push: Loki's paths.

use crate::api::Sender;
use crate::api::reply::{self, Failed};
use crate::api::server::{Call, Done};
use crate::source::api::SourceError;
use crate::wire::loki_push::{self, PushError};

/// What a pushed body may decompress to.
const MOST: usize = 64 << 20;

pub(crate) async fn loki(call: Call) -> Done {
    let (address, agent) = call.from;
    let sender = Sender {
        kind: "Loki push",
        address,
        agent,
    };
    let (body, (kind, encoding)) = (call.body, call.content);
    let decode = move || {
        loki_push::decode(&body, &kind, &encoding, MOST).map_err(|e: PushError| {
            SourceError::BadRequest {
                said: e.to_string(),
                at: None,
            }
        })
    };
    let engine = &call.api.engine;
    let kept = engine.push_lines(Box::new(decode)).await;
    engine.pushed(&sender, kept.clone().map_err(|e| e.to_string()));
    match kept {
        Ok(_) => Ok(reply::body(204, reply::JSON, Vec::new())),
        // The sender tries again what may pass later, and drops what never will.
        Err(SourceError::Unavailable(said)) => Err(Failed::Plain(503, said)),
        Err(SourceError::BadRequest { said, .. }) => Err(Failed::Plain(400, said)),
        Err(e) => Err(Failed::Plain(500, e.to_string())),
    }
}
