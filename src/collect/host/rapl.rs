//! Energy used by the processor and its parts.

use crate::collect::host::Reading;
use crate::collect::host::families::counter;
use crate::collect::host::files::Failure;
use crate::collect::host::text;
use std::collections::HashMap;

const ROOT: &str = "class/powercap";

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let mut zones = r.files.sys_list(ROOT)?;
    zones.retain(|z| z.starts_with("intel-rapl"));
    let mut used = HashMap::<String, u32>::new();
    let mut refused = None;
    for zone in zones {
        let Some(name) = r.files.sys_text(&format!("{ROOT}/{zone}/name")) else {
            continue; // the folder of the driver itself
        };
        // `package-1` carries its number; others are counted.
        let (name, index) = match name.rsplit_once('-') {
            Some((head, number)) if number.parse::<u32>().is_ok() => {
                (text::clean(head), number.to_owned())
            }
            _ => {
                let count = used.entry(name.clone()).or_default();
                *count += 1;
                (text::clean(&name), (*count - 1).to_string())
            }
        };
        let path = format!("{ROOT}/{zone}/energy_uj");
        let micro = match r.files.sys(&path) {
            Ok(text) => text::number(text),
            Err(failure @ Failure::Unreadable { .. }) => {
                refused = Some(failure);
                continue;
            }
            Err(_) => continue,
        };
        if let Some(micro) = micro {
            let desc = counter(
                format!("node_rapl_{name}_joules_total"),
                "Energy this part of the processor used.",
            );
            let path = format!("/sys/{ROOT}/{zone}");
            r.out
                .add(&desc, &[("index", &index), ("path", &path)], micro / 1e6);
        }
    }
    refused.map_or(Ok(()), Err)
}
