//! `/bongsu/v1/*`: what an attached console asks and orders.

use crate::api::reply;
use crate::api::server::{Call, Done};
use crate::source::api::SourceError;
use crate::wire::bongsu_json::{self, Told};

pub(crate) async fn ask(call: Call) -> Done {
    let told = match bongsu_json::read_request(&call.body) {
        Ok(request) => call.source.ask(request).await,
        Err(e) => Err(SourceError::Unavailable(e.to_string())),
    };
    Ok(reply::json(bongsu_json::write_answer(&told_of(told))))
}

pub(crate) async fn act(call: Call) -> Done {
    let told = match bongsu_json::read_action(&call.body) {
        Ok(action) => call.source.act(action).await,
        Err(e) => Err(SourceError::Unavailable(e.to_string())),
    };
    Ok(reply::json(bongsu_json::write_outcome(&told_of(told))))
}

fn told_of<T>(answer: Result<T, SourceError>) -> Told<T> {
    match answer {
        Ok(value) => Told::Good(value),
        Err(e) => Told::Bad(e.into()),
    }
}
