//! The ways in which Prometheus finds targets and this program does not yet: each is known by
//! name, its block is accepted, and the warning names it. What Prometheus refuses in a block is
//! refused here too, so that a slip is found before the feature comes.
//!
//! Start with [`KINDS`]; the keys of each block are in `keys`, the rules between them in `rules`.
//! Source: Prometheus' configuration documentation and each discovery's own reading.

mod keys;
mod rules;

use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::shape::{Key, Section, Shape, later};

/// One way to find targets.
struct Kind {
    name: &'static str,
    section: &'static Section,
    /// What must hold between the keys of one block.
    rule: fn(Fields<'_>, &mut Check<'_>),
}

/// Rows for the job and for the Alertmanager block.
pub(crate) static KINDS: &[Key] = &[
    later(
        "http_sd_configs",
        Shape::List(&Shape::Section(&keys::HTTP)),
        "targets from an HTTP server",
    ),
    later(
        "dns_sd_configs",
        Shape::List(&Shape::Section(&keys::DNS)),
        "targets from DNS",
    ),
    later(
        "docker_sd_configs",
        Shape::List(&Shape::Section(&keys::DOCKER)),
        "targets from Docker",
    ),
    later(
        "dockerswarm_sd_configs",
        Shape::List(&Shape::Section(&keys::DOCKERSWARM)),
        "targets from Docker Swarm",
    ),
    later(
        "aws_sd_configs",
        Shape::List(&Shape::Section(&keys::AWS)),
        "targets from AWS",
    ),
    later(
        "azure_sd_configs",
        Shape::List(&Shape::Section(&keys::AZURE)),
        "targets from Azure",
    ),
    later(
        "consul_sd_configs",
        Shape::List(&Shape::Section(&keys::CONSUL)),
        "targets from Consul",
    ),
    later(
        "digitalocean_sd_configs",
        Shape::List(&Shape::Section(&keys::DIGITALOCEAN)),
        "targets from DigitalOcean",
    ),
    later(
        "ec2_sd_configs",
        Shape::List(&Shape::Section(&keys::AWS)),
        "targets from EC2",
    ),
    later(
        "ecs_sd_configs",
        Shape::List(&Shape::Section(&keys::AWS)),
        "targets from ECS",
    ),
    later(
        "elasticache_sd_configs",
        Shape::List(&Shape::Section(&keys::AWS)),
        "targets from ElastiCache",
    ),
    later(
        "eureka_sd_configs",
        Shape::List(&Shape::Section(&keys::EUREKA)),
        "targets from Eureka",
    ),
    later(
        "gce_sd_configs",
        Shape::List(&Shape::Section(&keys::GCE)),
        "targets from GCE",
    ),
    later(
        "hetzner_sd_configs",
        Shape::List(&Shape::Section(&keys::HETZNER)),
        "targets from Hetzner",
    ),
    later(
        "ionos_sd_configs",
        Shape::List(&Shape::Section(&keys::IONOS)),
        "targets from IONOS",
    ),
    later(
        "kubernetes_sd_configs",
        Shape::List(&Shape::Section(&keys::KUBERNETES)),
        "targets from Kubernetes",
    ),
    later(
        "kuma_sd_configs",
        Shape::List(&Shape::Section(&keys::KUMA)),
        "targets from Kuma",
    ),
    later(
        "lightsail_sd_configs",
        Shape::List(&Shape::Section(&keys::AWS)),
        "targets from Lightsail",
    ),
    later(
        "linode_sd_configs",
        Shape::List(&Shape::Section(&keys::LINODE)),
        "targets from Linode",
    ),
    later(
        "marathon_sd_configs",
        Shape::List(&Shape::Section(&keys::MARATHON)),
        "targets from Marathon",
    ),
    later(
        "mq_sd_configs",
        Shape::List(&Shape::Section(&keys::AWS)),
        "targets from Amazon MQ",
    ),
    later(
        "msk_sd_configs",
        Shape::List(&Shape::Section(&keys::AWS)),
        "targets from MSK",
    ),
    later(
        "nerve_sd_configs",
        Shape::List(&Shape::Section(&keys::ZOOKEEPER)),
        "targets from Nerve",
    ),
    later(
        "nomad_sd_configs",
        Shape::List(&Shape::Section(&keys::NOMAD)),
        "targets from Nomad",
    ),
    later(
        "oci_sd_configs",
        Shape::List(&Shape::Section(&keys::OCI)),
        "targets from Oracle Cloud",
    ),
    later(
        "openstack_sd_configs",
        Shape::List(&Shape::Section(&keys::OPENSTACK)),
        "targets from OpenStack",
    ),
    later(
        "outscale_sd_configs",
        Shape::List(&Shape::Section(&keys::OUTSCALE)),
        "targets from Outscale",
    ),
    later(
        "ovhcloud_sd_configs",
        Shape::List(&Shape::Section(&keys::OVHCLOUD)),
        "targets from OVHcloud",
    ),
    later(
        "puppetdb_sd_configs",
        Shape::List(&Shape::Section(&keys::PUPPETDB)),
        "targets from PuppetDB",
    ),
    later(
        "rds_sd_configs",
        Shape::List(&Shape::Section(&keys::AWS)),
        "targets from RDS",
    ),
    later(
        "scaleway_sd_configs",
        Shape::List(&Shape::Section(&keys::SCALEWAY)),
        "targets from Scaleway",
    ),
    later(
        "serverset_sd_configs",
        Shape::List(&Shape::Section(&keys::ZOOKEEPER)),
        "targets from Serversets",
    ),
    later(
        "stackit_sd_configs",
        Shape::List(&Shape::Section(&keys::STACKIT)),
        "targets from STACKIT",
    ),
    later(
        "triton_sd_configs",
        Shape::List(&Shape::Section(&keys::TRITON)),
        "targets from Triton",
    ),
    later(
        "uyuni_sd_configs",
        Shape::List(&Shape::Section(&keys::UYUNI)),
        "targets from Uyuni",
    ),
    later(
        "vultr_sd_configs",
        Shape::List(&Shape::Section(&keys::VULTR)),
        "targets from Vultr",
    ),
];

static RULES: &[Kind] = &[
    kind("http_sd_configs", &keys::HTTP, rules::http),
    kind("dns_sd_configs", &keys::DNS, rules::dns),
    kind("docker_sd_configs", &keys::DOCKER, rules::docker),
    kind(
        "dockerswarm_sd_configs",
        &keys::DOCKERSWARM,
        rules::dockerswarm,
    ),
    kind("aws_sd_configs", &keys::AWS, rules::aws_role),
    kind("azure_sd_configs", &keys::AZURE, rules::azure),
    kind("consul_sd_configs", &keys::CONSUL, rules::consul),
    kind(
        "digitalocean_sd_configs",
        &keys::DIGITALOCEAN,
        rules::client,
    ),
    kind("ec2_sd_configs", &keys::AWS, rules::aws),
    kind("ecs_sd_configs", &keys::AWS, rules::aws),
    kind("elasticache_sd_configs", &keys::AWS, rules::aws),
    kind("eureka_sd_configs", &keys::EUREKA, rules::eureka),
    kind("gce_sd_configs", &keys::GCE, rules::gce),
    kind("hetzner_sd_configs", &keys::HETZNER, rules::hetzner),
    kind("ionos_sd_configs", &keys::IONOS, rules::ionos),
    kind(
        "kubernetes_sd_configs",
        &keys::KUBERNETES,
        rules::kubernetes,
    ),
    kind("kuma_sd_configs", &keys::KUMA, rules::kuma),
    kind("lightsail_sd_configs", &keys::AWS, rules::aws),
    kind("linode_sd_configs", &keys::LINODE, rules::client),
    kind("marathon_sd_configs", &keys::MARATHON, rules::marathon),
    kind("mq_sd_configs", &keys::AWS, rules::aws),
    kind("msk_sd_configs", &keys::AWS, rules::aws),
    kind("nerve_sd_configs", &keys::ZOOKEEPER, rules::zookeeper),
    kind("nomad_sd_configs", &keys::NOMAD, rules::nomad),
    kind("oci_sd_configs", &keys::OCI, rules::client),
    kind("openstack_sd_configs", &keys::OPENSTACK, rules::openstack),
    kind("outscale_sd_configs", &keys::OUTSCALE, rules::outscale),
    kind("ovhcloud_sd_configs", &keys::OVHCLOUD, rules::ovhcloud),
    kind("puppetdb_sd_configs", &keys::PUPPETDB, rules::puppetdb),
    kind("rds_sd_configs", &keys::AWS, rules::aws),
    kind("scaleway_sd_configs", &keys::SCALEWAY, rules::scaleway),
    kind("serverset_sd_configs", &keys::ZOOKEEPER, rules::zookeeper),
    kind("stackit_sd_configs", &keys::STACKIT, rules::stackit),
    kind("triton_sd_configs", &keys::TRITON, rules::triton),
    kind("uyuni_sd_configs", &keys::UYUNI, rules::uyuni),
    kind("vultr_sd_configs", &keys::VULTR, rules::client),
];

const fn kind(
    name: &'static str,
    section: &'static Section,
    rule: fn(Fields<'_>, &mut Check<'_>),
) -> Kind {
    Kind {
        name,
        section,
        rule,
    }
}

/// Holds every block of a job against its kind's rules.
pub(crate) fn check_kinds(of: Fields<'_>, check: &mut Check<'_>) {
    for kind in RULES {
        for node in of.items(kind.name) {
            if node.is_null() {
                let text = "this block is empty; remove the `-` or fill it";
                check.report.error(node.place, text);
            } else if node.text().is_none() {
                (kind.rule)(Fields::new(node, kind.section), check);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_rule() {
        for key in KINDS {
            let rule = RULES.iter().find(|r| r.name == key.name);
            assert!(rule.is_some(), "{} has no row in RULES", key.name);
        }
        assert_eq!(KINDS.len(), RULES.len());
    }
}
