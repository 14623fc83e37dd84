//! The schemas of the kinds that Kubernetes brings, from `k8s-openapi`'s types.

use k8s_openapi::{
    api::{
        coordination::v1::Lease,
        core::v1::{ConfigMap, Event, Namespace, Secret, ServiceAccount},
        events::v1::Event as NewEvent,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::cluster::kinds::Kind;

/// Collects schemas under their names.
pub(super) struct Schemas {
    generator: SchemaGenerator,
    written: Map<String, Value>,
}

/// Where the metadata of an object is described.
pub(super) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Where the metadata of a list is described.
pub(super) const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

impl Schemas {
    /// The schemas of metadata, which everything refers to.
    pub(super) fn new() -> Self {
        let mut generator = SchemaSettings::openapi3().into_generator();
        generator.subschema_for::<ObjectMeta>();
        generator.subschema_for::<ListMeta>();
        Self { generator, written: Map::new() }
    }

    /// Adds a kind that Kubernetes brings, and gives the name of its schema; none where it does not.
    pub(super) fn add_known(&mut self, kind: &Kind) -> Option<String> {
        match (kind.group.as_str(), kind.name.as_str()) {
            ("", "Namespace") => Some(self.add::<Namespace>()),
            ("", "Secret") => Some(self.add::<Secret>()),
            ("", "ConfigMap") => Some(self.add::<ConfigMap>()),
            ("", "ServiceAccount") => Some(self.add::<ServiceAccount>()),
            ("", "Event") => Some(self.add::<Event>()),
            ("events.k8s.io", "Event") => Some(self.add::<NewEvent>()),
            ("coordination.k8s.io", "Lease") => Some(self.add::<Lease>()),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => Some(self.add::<CustomResourceDefinition>()),
            _ => None,
        }
    }

    fn add<T: JsonSchema>(&mut self) -> String {
        self.generator.subschema_for::<T>();
        T::schema_name().into_owned()
    }

    /// Adds a schema that is there already.
    pub(super) fn insert(&mut self, name: String, schema: Value) {
        self.written.insert(name, schema);
    }

    /// All of them. `kinds` are the names of those that are kinds by themselves, each with what it is.
    pub(super) fn finish(mut self, kinds: &[(String, Value)]) -> Map<String, Value> {
        let mut all = self.generator.take_definitions(true);
        all.append(&mut self.written);
        for (name, group_version_kind) in kinds {
            if let Some(Value::Object(schema)) = all.get_mut(name) {
                schema.insert("x-kubernetes-group-version-kind".to_owned(), json!([group_version_kind]));
            }
        }
        all
    }
}
