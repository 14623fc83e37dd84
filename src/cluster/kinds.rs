//! What kinds of object there are, and the rules of each.

use std::sync::Arc;

use super::{discovery::Aliases, names::NameRule, schema::Schema, table::Column};

/// What makes a kind special to the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Plain,
    /// Holds other objects, which go with it.
    Namespace,
    /// Defines a kind, whose objects go with it.
    Definition,
    /// Takes texts in `stringData` and keeps them in `data`.
    Secret,
    /// Was defined by a custom resource definition.
    Custom,
}

/// One kind of object and the rules that the server keeps for it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule, and they go in any combination")]
pub(super) struct Kind {
    /// Empty for the core group.
    pub group: String,
    /// The only version served.
    pub version: String,
    /// `ComputeInstance`.
    pub name: String,
    /// `ComputeInstanceList`.
    pub list_name: String,
    /// `computeinstances`.
    pub plural: String,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// Whether `status` has a subresource of its own.
    pub status: bool,
    /// Whether the server counts changes of the spec in `metadata.generation`.
    pub generation: bool,
    /// Whether an update may leave the resourceVersion out.
    pub unconditional_update: bool,
    /// Whether an update of an object that is not there creates it.
    pub create_on_update: bool,
    /// What a name may look like.
    pub names: NameRule,
    /// What the server does beyond storing it.
    pub role: Role,
    /// What an object may contain; everything where there is none.
    pub schema: Option<Schema>,
    /// The names that people and clients know it by.
    pub aliases: Aliases,
    /// What a table shows of it beside the name, where its definition says so.
    pub columns: Option<Vec<Column>>,
    /// Whether it had another schema before, so that there may be objects that do not follow this one.
    pub revised: bool,
    /// `group/version`, or `version` in the core group.
    api_version: String,
    /// `plural.group`.
    resource: String,
    /// `Kind.group`.
    qualified_name: String,
}

impl Kind {
    /// A kind without special rules.
    pub(super) fn new(group: &str, version: &str, kind: &str, plural: &str, role: Role) -> Self {
        let dotted = |name: &str| if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") };
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            name: kind.to_owned(),
            list_name: format!("{kind}List"),
            plural: plural.to_owned(),
            namespaced: true,
            status: false,
            generation: false,
            unconditional_update: false,
            create_on_update: false,
            names: NameRule::Subdomain,
            role,
            schema: None,
            aliases: Aliases::built_in(kind),
            columns: None,
            revised: false,
            api_version: if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
            resource: dotted(plural),
            qualified_name: dotted(kind),
        }
    }

    /// `group/version`, or `version` in the core group.
    pub(super) fn api_version(&self) -> &str {
        &self.api_version
    }

    /// `plural.group`, as messages name a resource.
    pub(super) fn resource(&self) -> &str {
        &self.resource
    }

    /// `Kind.group`, as messages name a kind.
    pub(super) fn qualified_name(&self) -> &str {
        &self.qualified_name
    }

    /// Whether this is the resource `plural` of `group`.
    pub(super) fn is(&self, group: &str, plural: &str) -> bool {
        self.plural == plural && self.group == group
    }
}

/// The kinds that are there without a definition: what Kubernetes brings, and what KubeVirt, CDI and OVN-Kubernetes add
/// on the clusters that the operator runs on.
pub(super) fn built_in() -> Vec<Arc<Kind>> {
    let core = |kind, plural, role| Kind::new("", "v1", kind, plural, role);
    let foreign = |group, version, kind, plural, status| Kind {
        status,
        generation: true,
        ..Kind::new(group, version, kind, plural, Role::Plain)
    };
    [
        Kind {
            namespaced: false,
            status: true,
            unconditional_update: true,
            names: NameRule::Label,
            ..core("Namespace", "namespaces", Role::Namespace)
        },
        Kind { unconditional_update: true, ..core("Secret", "secrets", Role::Secret) },
        Kind { unconditional_update: true, create_on_update: true, ..core("Event", "events", Role::Plain) },
        Kind {
            unconditional_update: true,
            create_on_update: true,
            ..Kind::new("events.k8s.io", "v1", "Event", "events", Role::Plain)
        },
        Kind { create_on_update: true, ..Kind::new("coordination.k8s.io", "v1", "Lease", "leases", Role::Plain) },
        Kind {
            namespaced: false,
            status: true,
            generation: true,
            ..Kind::new(
                "apiextensions.k8s.io",
                "v1",
                "CustomResourceDefinition",
                "customresourcedefinitions",
                Role::Definition,
            )
        },
        foreign("kubevirt.io", "v1", "VirtualMachine", "virtualmachines", true),
        foreign("kubevirt.io", "v1", "VirtualMachineInstance", "virtualmachineinstances", true),
        foreign("cdi.kubevirt.io", "v1beta1", "DataVolume", "datavolumes", true),
        foreign("k8s.ovn.org", "v1", "UserDefinedNetwork", "userdefinednetworks", true),
    ]
    .into_iter()
    .map(Arc::new)
    .collect()
}
