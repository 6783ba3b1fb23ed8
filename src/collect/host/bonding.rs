//! Bonded network interfaces: how many links each has and how many of them are up.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let slaves = gauge(
        "node_bonding_slaves",
        "Links configured for the bonded interface.",
    );
    let active = gauge(
        "node_bonding_active",
        "Links of the bonded interface that are up.",
    );
    let masters: Vec<String> = words(r.files.sys("class/net/bonding_masters")?);
    for master in masters {
        let links = words(r.files.sys(&format!("class/net/{master}/bonding/slaves"))?);
        let mut up = 0;
        for link in &links {
            // The link's own folder has two names across kernels.
            let state = ["lower_", "slave_"].iter().find_map(|prefix| {
                let path = format!("class/net/{master}/{prefix}{link}/bonding_slave/mii_status");
                r.files.sys_text(&path)
            });
            up += u32::from(state.as_deref() == Some("up"));
        }
        r.out
            .add(&slaves, &[("master", &master)], links.len() as f64);
        r.out.add(&active, &[("master", &master)], f64::from(up));
    }
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
