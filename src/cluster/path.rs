//! Where a request goes: the path of its URL.

use std::borrow::Cow;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// `/version`.
    Version,
    /// `/healthz`, `/readyz`, `/livez`.
    Health,
    /// A resource, an object or a subresource.
    Resource(ResourcePath<'a>),
}

/// A path below `/api/v1` or `/apis/GROUP/VERSION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResourcePath<'a> {
    /// Empty for the core group.
    pub group: Cow<'a, str>,
    /// `v1`.
    pub version: Cow<'a, str>,
    /// The namespace, where the path has one.
    pub namespace: Option<Cow<'a, str>>,
    /// `computeinstances`.
    pub plural: Cow<'a, str>,
    /// The object, where the path names one.
    pub name: Option<Cow<'a, str>>,
    /// `status`.
    pub subresource: Option<Cow<'a, str>>,
}

impl<'a> Target<'a> {
    /// Reads a path; `None` where nothing can be there.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        match path {
            "/version" | "/version/" => return Some(Self::Version),
            "/healthz" | "/readyz" | "/livez" => return Some(Self::Health),
            _ => {}
        }
        // Hardly any path has escapes: that is looked for once, not in each segment.
        let is_plain = !path.contains('%');
        let segment = |text| if is_plain { Some(Cow::Borrowed(text)) } else { decode(text) };
        let mut segments = path.strip_prefix('/')?.split('/').map(segment);
        let group = match segments.next()??.as_ref() {
            "api" => Cow::Borrowed(""),
            "apis" => segments.next()??,
            _ => return None,
        };
        let version = segments.next()??;
        let rest: Vec<Cow<'a, str>> = segments.collect::<Option<_>>()?;
        // Nothing is called so: whoever sends it wants to get somewhere else.
        if rest.iter().any(|segment| matches!(segment.as_ref(), "" | "." | "..")) {
            return None;
        }
        let mut rest = rest.into_iter();
        let first = rest.next()?;
        let resource = if first == "namespaces" && group.is_empty() {
            Self::below_namespaces(version, &mut rest)
        } else if first == "namespaces" {
            let namespace = Some(rest.next()?);
            ResourcePath {
                group,
                version,
                namespace,
                plural: rest.next()?,
                name: rest.next(),
                subresource: rest.next(),
            }
        } else {
            ResourcePath { group, version, namespace: None, plural: first, name: rest.next(), subresource: rest.next() }
        };
        rest.next().is_none().then_some(Self::Resource(resource))
    }

    /// In the core group `/namespaces/a/b` is either a subresource of a namespace or a resource inside of it.
    fn below_namespaces(version: Cow<'a, str>, rest: &mut impl Iterator<Item = Cow<'a, str>>) -> ResourcePath<'a> {
        let (namespace, plural) = (rest.next(), rest.next());
        let group = Cow::Borrowed("");
        match plural {
            Some(plural) if plural != "status" && plural != "finalize" => {
                ResourcePath { group, version, namespace, plural, name: rest.next(), subresource: rest.next() }
            }
            subresource => ResourcePath {
                group,
                version,
                namespace: None,
                plural: Cow::Borrowed("namespaces"),
                name: namespace,
                subresource,
            },
        }
    }
}

/// Undoes percent encoding; `None` where it is malformed or not UTF-8.
pub(super) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = hex(rest.next()?)?;
            bytes.push(high << 4 | hex(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> Option<ResourcePath<'_>> {
        match Target::parse(path)? {
            Target::Resource(resource) => Some(resource),
            _ => None,
        }
    }

    #[test]
    fn a_namespaced_object_of_a_group() {
        let path = resource("/apis/cloudkit.openshift.io/v1alpha1/namespaces/x/computeinstances/ci-1/status").unwrap();
        assert_eq!((path.group.as_ref(), path.version.as_ref()), ("cloudkit.openshift.io", "v1alpha1"));
        assert_eq!(path.namespace.as_deref(), Some("x"));
        assert_eq!((path.plural.as_ref(), path.name.as_deref()), ("computeinstances", Some("ci-1")));
        assert_eq!(path.subresource.as_deref(), Some("status"));
    }

    #[test]
    fn namespaces_are_objects_and_containers() {
        let object = resource("/api/v1/namespaces/x").unwrap();
        assert_eq!((object.plural.as_ref(), object.name.as_deref()), ("namespaces", Some("x")));
        assert_eq!(object.namespace, None);
        let status = resource("/api/v1/namespaces/x/status").unwrap();
        assert_eq!((status.plural.as_ref(), status.subresource.as_deref()), ("namespaces", Some("status")));
        let inside = resource("/api/v1/namespaces/x/secrets/s").unwrap();
        assert_eq!((inside.namespace.as_deref(), inside.plural.as_ref()), (Some("x"), "secrets"));
        assert_eq!(inside.name.as_deref(), Some("s"));
        assert_eq!(resource("/api/v1/namespaces").unwrap().name, None);
    }

    #[test]
    fn percent_encoding_is_undone_in_each_segment() {
        assert_eq!(resource("/api/v1/namespaces/a%2Db/secrets").unwrap().namespace.as_deref(), Some("a-b"));
        assert_eq!(Target::parse("/api/v1/secrets/%zz"), None);
        assert_eq!(Target::parse("/api/v1/secrets/%ff"), None);
        assert_eq!(Target::parse("/api/v1/secrets/%4"), None);
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "",
            "/",
            "/api",
            "/api/v1",
            "/apis/g",
            "/apis/g/v1",
            "/api/v1//secrets",
            "/x/y",
            "/api/v1/a/b/c/d",
            "/api/v1/../secrets",
            "/api/v1/namespaces/%2e%2e/secrets",
        ] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
        assert_eq!(Target::parse("/version"), Some(Target::Version));
        assert_eq!(Target::parse("/readyz"), Some(Target::Health));
    }
}
