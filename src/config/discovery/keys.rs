//! The keys of the discovery blocks.

use crate::config::http;
use crate::config::shape::{Section, Shape, field};

const ROLE_SWARM: Shape = Shape::Word(&["services", "tasks", "nodes"]);
const AUTH_AZURE: Shape = Shape::Word(&["OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"]);
const ROLE_HETZNER: Shape = Shape::Word(&["robot", "hcloud"]);
const ROLE_KUBERNETES: Shape = Shape::Word(&[
    "node",
    "pod",
    "service",
    "endpoints",
    "endpointslice",
    "ingress",
]);
const AUTH_OCI: Shape = Shape::Word(&[
    "api_key",
    "config_file",
    "instance_principal",
    "resource_principal",
    "workload_identity",
]);
const ROLE_OPENSTACK: Shape = Shape::Word(&["instance", "hypervisor", "loadbalancer"]);
const AVAILABILITY: Shape = Shape::Word(&["public", "internal", "admin"]);
const SERVICE_OVH: Shape = Shape::Word(&["dedicated_server", "vps"]);
const ROLE_SCALEWAY: Shape = Shape::Word(&["instance", "baremetal"]);
const ROLE_TRITON: Shape = Shape::Word(&["container", "cn"]);

pub(crate) static FILTER: Section = Section {
    name: "filters",
    keys: &[&[
        field("name", Shape::Text),
        field("values", Shape::List(&Shape::Text)),
    ]],
};

pub(crate) static NAMESPACES: Section = Section {
    name: "namespaces",
    keys: &[&[
        field("own_namespace", Shape::Bool),
        field("names", Shape::List(&Shape::Text)),
    ]],
};

pub(crate) static SELECTOR: Section = Section {
    name: "selectors",
    keys: &[&[
        field("role", ROLE_KUBERNETES),
        field("label", Shape::Text),
        field("field", Shape::Text),
    ]],
};

pub(crate) static ATTACH: Section = Section {
    name: "attach_metadata",
    keys: &[&[field("node", Shape::Bool), field("namespace", Shape::Bool)]],
};

pub(crate) static HTTP: Section = Section {
    name: "http_sd_configs",
    keys: &[
        &[
            field("url", Shape::Text),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static DNS: Section = Section {
    name: "dns_sd_configs",
    keys: &[&[
        field("names", Shape::List(&Shape::Text)),
        field("type", Shape::Text),
        field("port", Shape::Int(0, 65_535)),
        field("refresh_interval", Shape::Duration),
    ]],
};

pub(crate) static DOCKER: Section = Section {
    name: "docker_sd_configs",
    keys: &[
        &[
            field("host", Shape::Text),
            field("port", Shape::Int(0, 65_535)),
            field("filters", Shape::List(&Shape::Section(&FILTER))),
            field("host_networking_host", Shape::Text),
            field("refresh_interval", Shape::Duration),
            field("match_first_network", Shape::Bool),
        ],
        http::CLIENT,
    ],
};

pub(crate) static DOCKERSWARM: Section = Section {
    name: "dockerswarm_sd_configs",
    keys: &[
        &[
            field("host", Shape::Text),
            field("role", ROLE_SWARM),
            field("port", Shape::Int(0, 65_535)),
            field("filters", Shape::List(&Shape::Section(&FILTER))),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static AWS: Section = Section {
    name: "aws_sd_configs",
    keys: &[
        &[
            field("role", Shape::Text),
            field("region", Shape::Text),
            field("endpoint", Shape::Text),
            field("access_key", Shape::Text),
            field("secret_key", Shape::Secret),
            field("profile", Shape::Text),
            field("role_arn", Shape::Text),
            field("external_id", Shape::Text),
            field("clusters", Shape::List(&Shape::Text)),
            field("filters", Shape::List(&Shape::Section(&FILTER))),
            field("port", Shape::Int(0, 65_535)),
            field("refresh_interval", Shape::Duration),
            field("request_concurrency", Shape::Int(i64::MIN, i64::MAX)),
            field("ip_version", Shape::Text),
            field("prefer_ipv6", Shape::Bool),
        ],
        http::CLIENT,
    ],
};

pub(crate) static AZURE: Section = Section {
    name: "azure_sd_configs",
    keys: &[
        &[
            field("environment", Shape::Text),
            field("authentication_method", AUTH_AZURE),
            field("subscription_id", Shape::Text),
            field("tenant_id", Shape::Text),
            field("client_id", Shape::Text),
            field("client_secret", Shape::Secret),
            field("resource_group", Shape::Text),
            field("refresh_interval", Shape::Duration),
            field("port", Shape::Int(0, 65_535)),
        ],
        http::CLIENT,
    ],
};

pub(crate) static CONSUL: Section = Section {
    name: "consul_sd_configs",
    keys: &[
        &[
            field("server", Shape::Text),
            field("path_prefix", Shape::Text),
            field("token", Shape::Secret),
            field("datacenter", Shape::Text),
            field("namespace", Shape::Text),
            field("partition", Shape::Text),
            field("scheme", Shape::Text),
            field("username", Shape::Text),
            field("password", Shape::Secret),
            field("services", Shape::List(&Shape::Text)),
            field("tags", Shape::List(&Shape::Text)),
            field("node_meta", Shape::Texts),
            field("filter", Shape::Text),
            field("health_filter", Shape::Text),
            field("tag_separator", Shape::Text),
            field("allow_stale", Shape::Bool),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static DIGITALOCEAN: Section = Section {
    name: "digitalocean_sd_configs",
    keys: &[
        &[
            field("role", Shape::Text),
            field("port", Shape::Int(0, 65_535)),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static EUREKA: Section = Section {
    name: "eureka_sd_configs",
    keys: &[
        &[
            field("server", Shape::Text),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static GCE: Section = Section {
    name: "gce_sd_configs",
    keys: &[&[
        field("project", Shape::Text),
        field("zone", Shape::Text),
        field("filter", Shape::Text),
        field("refresh_interval", Shape::Duration),
        field("port", Shape::Int(0, 65_535)),
        field("tag_separator", Shape::Text),
    ]],
};

pub(crate) static HETZNER: Section = Section {
    name: "hetzner_sd_configs",
    keys: &[
        &[
            field("role", ROLE_HETZNER),
            field("port", Shape::Int(0, 65_535)),
            field("refresh_interval", Shape::Duration),
            field("label_selector", Shape::Text),
        ],
        http::CLIENT,
    ],
};

pub(crate) static IONOS: Section = Section {
    name: "ionos_sd_configs",
    keys: &[
        &[
            field("datacenter_id", Shape::Text),
            field("port", Shape::Int(0, 65_535)),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static KUBERNETES: Section = Section {
    name: "kubernetes_sd_configs",
    keys: &[
        &[
            field("api_server", Shape::Text),
            field("role", ROLE_KUBERNETES),
            field("kubeconfig_file", Shape::Text),
            field("namespaces", Shape::Section(&NAMESPACES)),
            field("selectors", Shape::List(&Shape::Section(&SELECTOR))),
            field("attach_metadata", Shape::Section(&ATTACH)),
        ],
        http::CLIENT,
    ],
};

pub(crate) static KUMA: Section = Section {
    name: "kuma_sd_configs",
    keys: &[
        &[
            field("server", Shape::Text),
            field("client_id", Shape::Text),
            field("refresh_interval", Shape::Duration),
            field("fetch_timeout", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static LINODE: Section = Section {
    name: "linode_sd_configs",
    keys: &[
        &[
            field("region", Shape::Text),
            field("port", Shape::Int(0, 65_535)),
            field("tag_separator", Shape::Text),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static MARATHON: Section = Section {
    name: "marathon_sd_configs",
    keys: &[
        &[
            field("servers", Shape::List(&Shape::Text)),
            field("refresh_interval", Shape::Duration),
            field("auth_token", Shape::Secret),
            field("auth_token_file", Shape::Text),
        ],
        http::CLIENT,
    ],
};

pub(crate) static ZOOKEEPER: Section = Section {
    name: "zookeeper",
    keys: &[&[
        field("servers", Shape::List(&Shape::Text)),
        field("paths", Shape::List(&Shape::Text)),
        field("timeout", Shape::Duration),
    ]],
};

pub(crate) static NOMAD: Section = Section {
    name: "nomad_sd_configs",
    keys: &[
        &[
            field("server", Shape::Text),
            field("allow_stale", Shape::Bool),
            field("namespace", Shape::Text),
            field("region", Shape::Text),
            field("tag_separator", Shape::Text),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static OCI: Section = Section {
    name: "oci_sd_configs",
    keys: &[
        &[
            field("auth", AUTH_OCI),
            field("region", Shape::Text),
            field("tenancy", Shape::Text),
            field("tenancy_id", Shape::Text),
            field("tenancy_ocid", Shape::Text),
            field("user", Shape::Text),
            field("user_id", Shape::Text),
            field("user_ocid", Shape::Text),
            field("fingerprint", Shape::Text),
            field("key", Shape::Secret),
            field("key_file", Shape::Text),
            field("private_key", Shape::Secret),
            field("private_key_file", Shape::Text),
            field("pass_phrase", Shape::Secret),
            field("passphrase", Shape::Secret),
            field("passphrase_file", Shape::Text),
            field("private_key_passphrase", Shape::Secret),
            field("config_file", Shape::Text),
            field("profile", Shape::Text),
            field("compartment", Shape::Text),
            field("compartment_id", Shape::Text),
            field("compartment_ocid", Shape::Text),
            field("compartments", Shape::List(&Shape::Text)),
            field("filters", Shape::List(&Shape::Section(&FILTER))),
            field("port", Shape::Int(0, 65_535)),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static OPENSTACK: Section = Section {
    name: "openstack_sd_configs",
    keys: &[&[
        field("role", ROLE_OPENSTACK),
        field("region", Shape::Text),
        field("identity_endpoint", Shape::Text),
        field("username", Shape::Text),
        field("userid", Shape::Text),
        field("password", Shape::Secret),
        field("domain_name", Shape::Text),
        field("domain_id", Shape::Text),
        field("project_name", Shape::Text),
        field("project_id", Shape::Text),
        field("application_credential_name", Shape::Text),
        field("application_credential_id", Shape::Text),
        field("application_credential_secret", Shape::Secret),
        field("all_tenants", Shape::Bool),
        field("refresh_interval", Shape::Duration),
        field("port", Shape::Int(0, 65_535)),
        field("availability", AVAILABILITY),
        field("tls_config", Shape::Section(&http::TLS)),
    ]],
};

pub(crate) static OUTSCALE: Section = Section {
    name: "outscale_sd_configs",
    keys: &[
        &[
            field("endpoint", Shape::Text),
            field("region", Shape::Text),
            field("access_key", Shape::Text),
            field("secret_key", Shape::Secret),
            field("secret_key_file", Shape::Text),
            field("refresh_interval", Shape::Duration),
            field("port", Shape::Int(0, 65_535)),
        ],
        http::CLIENT,
    ],
};

pub(crate) static OVHCLOUD: Section = Section {
    name: "ovhcloud_sd_configs",
    keys: &[&[
        field("application_key", Shape::Text),
        field("application_secret", Shape::Secret),
        field("consumer_key", Shape::Secret),
        field("endpoint", Shape::Text),
        field("refresh_interval", Shape::Duration),
        field("service", SERVICE_OVH),
    ]],
};

pub(crate) static PUPPETDB: Section = Section {
    name: "puppetdb_sd_configs",
    keys: &[
        &[
            field("url", Shape::Text),
            field("query", Shape::Text),
            field("include_parameters", Shape::Bool),
            field("refresh_interval", Shape::Duration),
            field("port", Shape::Int(0, 65_535)),
        ],
        http::CLIENT,
    ],
};

pub(crate) static SCALEWAY: Section = Section {
    name: "scaleway_sd_configs",
    keys: &[
        &[
            field("access_key", Shape::Text),
            field("secret_key", Shape::Secret),
            field("secret_key_file", Shape::Text),
            field("project_id", Shape::Text),
            field("role", ROLE_SCALEWAY),
            field("port", Shape::Int(0, 65_535)),
            field("api_url", Shape::Text),
            field("zone", Shape::Text),
            field("name_filter", Shape::Text),
            field("tags_filter", Shape::List(&Shape::Text)),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static STACKIT: Section = Section {
    name: "stackit_sd_configs",
    keys: &[
        &[
            field("role", Shape::Text),
            field("project", Shape::Text),
            field("region", Shape::Text),
            field("endpoint", Shape::Text),
            field("service_account_key", Shape::Secret),
            field("service_account_key_path", Shape::Text),
            field("private_key", Shape::Secret),
            field("private_key_path", Shape::Text),
            field("credentials_file_path", Shape::Text),
            field("refresh_interval", Shape::Duration),
            field("port", Shape::Int(0, 65_535)),
        ],
        http::CLIENT,
    ],
};

pub(crate) static TRITON: Section = Section {
    name: "triton_sd_configs",
    keys: &[&[
        field("account", Shape::Text),
        field("role", ROLE_TRITON),
        field("dns_suffix", Shape::Text),
        field("endpoint", Shape::Text),
        field("groups", Shape::List(&Shape::Text)),
        field("port", Shape::Int(0, 65_535)),
        field("refresh_interval", Shape::Duration),
        field("version", Shape::Int(i64::MIN, i64::MAX)),
        field("tls_config", Shape::Section(&http::TLS)),
    ]],
};

pub(crate) static UYUNI: Section = Section {
    name: "uyuni_sd_configs",
    keys: &[
        &[
            field("server", Shape::Text),
            field("username", Shape::Text),
            field("password", Shape::Secret),
            field("entitlement", Shape::Text),
            field("separator", Shape::Text),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};

pub(crate) static VULTR: Section = Section {
    name: "vultr_sd_configs",
    keys: &[
        &[
            field("port", Shape::Int(0, 65_535)),
            field("refresh_interval", Shape::Duration),
        ],
        http::CLIENT,
    ],
};
