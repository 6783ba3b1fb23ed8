//! Loki's HTTP API: parameters in, its JSON out. Errors are plain text, as its clients know them.

use crate::api::reply::{self, Failed};
use crate::api::server::{Call, Done};
use crate::query::syntax;
use crate::wire::prom_json::write;

pub(crate) async fn format_query(call: Call) -> Done {
    match syntax::logql::format(call.params.get("query")) {
        Ok(formatted) => Ok(reply::json(write::text(&formatted))),
        Err(e) => Err(Failed::Plain(400, e.to_string())),
    }
}
