//! Memory errors that the hardware corrected, or could not.

use crate::collect::host::Reading;
use crate::collect::host::families::counter;
use crate::collect::host::files::Failure;

const ROOT: &str = "devices/system/edac/mc";

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for folder in r.files.sys_those(ROOT, "mc") {
        let controller = &folder[2..];
        if controller.is_empty() || !controller.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let labels = [("controller", controller)];
        put(r, &format!("{folder}/ce_count"), "", true, &labels);
        put(r, &format!("{folder}/ue_count"), "", false, &labels);
        // Errors whose row is not known have a row of their own.
        let labels = [("controller", controller), ("csrow", "unknown")];
        put(
            r,
            &format!("{folder}/ce_noinfo_count"),
            "csrow_",
            true,
            &labels,
        );
        put(
            r,
            &format!("{folder}/ue_noinfo_count"),
            "csrow_",
            false,
            &labels,
        );
        for row in r.files.sys_those(&format!("{ROOT}/{folder}"), "csrow") {
            let at = format!("{folder}/{row}");
            let labels = [("controller", controller), ("csrow", &row[5..])];
            put(r, &format!("{at}/ce_count"), "csrow_", true, &labels);
            put(r, &format!("{at}/ue_count"), "csrow_", false, &labels);
            channels(r, &at, controller, &row[5..]);
        }
    }
    Ok(())
}

/// `ch0_ce_count`, `ch0_ue_count` with `ch0_dimm_label`.
fn channels(r: &mut Reading<'_>, at: &str, controller: &str, row: &str) {
    for file in r.files.sys_those(&format!("{ROOT}/{at}"), "ch") {
        let Some(channel) = file
            .strip_prefix("ch")
            .and_then(|f| f.strip_suffix("_ce_count"))
        else {
            continue;
        };
        let label = r
            .files
            .sys_text(&format!("{ROOT}/{at}/ch{channel}_dimm_label"));
        let labels = [
            ("channel", channel),
            ("controller", controller),
            ("csrow", row),
            ("dimm_label", label.as_deref().unwrap_or_default()),
        ];
        put(r, &format!("{at}/{file}"), "channel_", true, &labels);
        put(
            r,
            &format!("{at}/ch{channel}_ue_count"),
            "channel_",
            false,
            &labels,
        );
    }
}

fn put(r: &mut Reading<'_>, path: &str, part: &str, corrected: bool, labels: &[(&str, &str)]) {
    let Some(value) = r.files.sys_number(&format!("{ROOT}/{path}")) else {
        return;
    };
    let (word, help) = if corrected {
        ("correctable", "Memory errors that were corrected.")
    } else {
        (
            "uncorrectable",
            "Memory errors that could not be corrected.",
        )
    };
    let desc = counter(format!("node_edac_{part}{word}_errors_total"), help);
    r.out.add(&desc, labels, value);
}
