//! Made-up lines, always the same.

use bongsu::model::answer::{
    Followed, LevelHistogram, LogCost, LogReply, LogTotals, LogsAnswer, LogsValue, Notes,
};
use bongsu::model::request::{LogRequest, StreamsWhat};

pub(crate) fn reply(request: &LogRequest) -> LogReply {
    match request {
        LogRequest::Query(_) => LogReply::Value(LogsAnswer {
            value: LogsValue::Lines(vec![]),
            notes: Notes::default(),
            cost: LogCost::default(),
        }),
        LogRequest::Follow(_) => LogReply::Followed(Followed::default()),
        LogRequest::Levels(_) => LogReply::Levels(LevelHistogram::default()),
        LogRequest::Streams(query) => match &query.what {
            StreamsWhat::Streams => LogReply::Streams(vec![], Notes::default()),
            StreamsWhat::Stats => LogReply::Totals(LogTotals::default()),
            StreamsWhat::Volumes => LogReply::Volumes(vec![]),
            StreamsWhat::LabelNames | StreamsWhat::LabelValues(_) => {
                LogReply::Names(vec![], Notes::default())
            }
        },
        LogRequest::Fields(_) => LogReply::Fields(vec![], Notes::default()),
        LogRequest::Patterns(_) => LogReply::Patterns(vec![], Notes::default()),
    }
}
