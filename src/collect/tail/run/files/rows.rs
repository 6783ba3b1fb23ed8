//! What is told of the files of each job.

use crate::collect::tail::file::Tailed;
use crate::collect::tail::output::Output;
use crate::collect::tail::run::files::Files;
use crate::collect::tail::run::health;
use crate::config::logs::LogJob;
use crate::model::view::TargetRow;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Files {
    /// One row for each job.
    pub(crate) fn rows(
        &self,
        jobs: &[Arc<LogJob>],
        out: &Output,
        unwatched: Option<&str>,
    ) -> Vec<TargetRow> {
        let mut rows = Vec::new();
        for (number, (job, seen)) in jobs.iter().zip(&self.found).enumerate() {
            if seen.patterns.is_empty() && seen.unread.is_empty() {
                continue;
            }
            let mine = self
                .tailed
                .iter()
                .filter(|(k, _)| k.0 == number)
                .map(|(_, t)| t);
            let files = mine.clone().count();
            let open = mine.clone().filter(|t| t.is_open()).count();
            let lines: u64 = mine.clone().map(|t| t.lines).sum();
            let cut: u64 = mine.clone().map(|t| t.cut).sum();
            let grew = mine.clone().map(|t| t.grew).max().unwrap_or(0);
            let mut errors: Vec<&str> = mine.clone().filter_map(|t| t.error.as_deref()).collect();
            errors.extend(seen.unread.iter().map(String::as_str));
            errors.extend(out.trouble.as_deref());
            let mut remark = format!("{files} files, {open} of them open");
            remark.push_str(&clocks(mine.clone()));
            if cut > 0 {
                remark.push_str(&format!("; {cut} lines were longer than is kept"));
            }
            for (reason, n) in &out.tally.dropped {
                remark.push_str(&format!("; {n} lines dropped: {reason}"));
            }
            if let Some(why) = unwatched {
                remark.push_str(&format!(
                    "; looked at every second, since not every folder can be watched ({why})"
                ));
            }
            let error = match errors.as_slice() {
                [] => String::new(),
                [one] => (*one).to_owned(),
                [one, rest @ ..] => format!("{one}, and {} more", rest.len()),
            };
            rows.push(TargetRow {
                job: job.name.clone(),
                instance: seen.patterns.join(" "),
                health: health(&error, files > 0),
                labels: seen.labels.clone(),
                last_scrape: grew,
                last_good: grew,
                samples: lines,
                error,
                remark,
                ..TargetRow::default()
            });
        }
        rows
    }
}

/// What is said of clocks without a zone that are not where they were expected.
fn clocks<'a>(files: impl Iterator<Item = &'a Tailed>) -> String {
    let mut found: BTreeMap<i32, usize> = BTreeMap::new();
    for offset in files.filter_map(|t| t.pipeline.found_offset()) {
        *found.entry(offset).or_default() += 1;
    }
    let mut out = String::new();
    for (offset, files) in found {
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.abs() / 60;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        out.push_str(&format!(
            "; times without a zone are read as {sign}{hours:02}:{minutes:02} in {files} of them, as that is what they were when they were written"
        ));
    }
    out
}
