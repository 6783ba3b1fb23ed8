//! The collectors: one row each. Dispatch, `node_scrape_collector_*` and the documentation read
//! this table.

use crate::collect::host::Reading;
use crate::collect::host::files::Failure;
use crate::collect::host::{
    arp, bcache, bonding, btrfs, conntrack, cpu, cpufreq, diskstats, dmi, edac, entropy,
    fibrechannel, filefd, filesystem, hwmon, infiniband, ipvs, loadavg, mdadm, meminfo, netclass,
    netdev, netstat, nfs, nfsd, nvme, os, power_supply, pressure, rapl, schedstat, selinux,
    sockstat, softnet, stat, tapestats, textfile, thermal_zone, time, timex, udp_queues, uname,
    vmstat, xfs, zfs,
};

/// One source of families.
#[derive(Clone, Copy, Debug)]
pub struct Collector {
    /// As in `node_scrape_collector_success{collector="..."}`.
    pub name: &'static str,
    /// Whether it runs without being asked for.
    pub on: bool,
    pub pace: Pace,
    pub(crate) read: fn(&mut Reading<'_>) -> Result<(), Failure>,
}

/// How often a collector may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Every two seconds while a console looks.
    Quick,
    /// Only when readings are stored: many small files, slow sensors, or facts that hardly change.
    Slow,
}

type Read = fn(&mut Reading<'_>) -> Result<(), Failure>;

const fn quick(name: &'static str, read: Read) -> Collector {
    Collector {
        name,
        on: true,
        pace: Pace::Quick,
        read,
    }
}

const fn slow(name: &'static str, read: Read) -> Collector {
    Collector {
        name,
        on: true,
        pace: Pace::Slow,
        read,
    }
}

/// Every collector, by name.
pub const COLLECTORS: &[Collector] = &[
    slow("arp", arp::read),
    slow("bcache", bcache::read),
    slow("bonding", bonding::read),
    slow("btrfs", btrfs::read),
    slow("conntrack", conntrack::read),
    quick("cpu", cpu::read),
    slow("cpufreq", cpufreq::read),
    quick("diskstats", diskstats::read),
    slow("dmi", dmi::read),
    slow("edac", edac::read),
    slow("entropy", entropy::read),
    slow("fibrechannel", fibrechannel::read),
    quick("filefd", filefd::read),
    quick("filesystem", filesystem::read),
    slow("hwmon", hwmon::read),
    slow("infiniband", infiniband::read),
    slow("ipvs", ipvs::read),
    quick("loadavg", loadavg::read),
    slow("mdadm", mdadm::read),
    quick("meminfo", meminfo::read),
    slow("netclass", netclass::read),
    quick("netdev", netdev::read),
    quick("netstat", netstat::read),
    slow("nfs", nfs::read),
    slow("nfsd", nfsd::read),
    slow("nvme", nvme::read),
    slow("os", os::read),
    slow("powersupplyclass", power_supply::read),
    quick("pressure", pressure::read),
    slow("rapl", rapl::read),
    slow("schedstat", schedstat::read),
    slow("selinux", selinux::read),
    quick("sockstat", sockstat::read),
    slow("softnet", softnet::read),
    quick("stat", stat::read),
    slow("tapestats", tapestats::read),
    slow("textfile", textfile::read),
    slow("thermal_zone", thermal_zone::read),
    quick("time", time::read),
    slow("timex", timex::read),
    slow("udp_queues", udp_queues::read),
    slow("uname", uname::read),
    quick("vmstat", vmstat::read),
    slow("xfs", xfs::read),
    slow("zfs", zfs::read),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(COLLECTORS.windows(2).all(|w| w[0].name < w[1].name));
    }
}
