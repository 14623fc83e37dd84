//! What a client takes: the `Accept` header.

use http::{HeaderMap, header::ACCEPT, request::Parts};

use super::{
    path::decode,
    status::Refusal,
    table::{Include, Shape, TableVersion},
};

/// One of the formats that a client takes.
#[derive(Clone, Debug, PartialEq)]
struct Range<'a> {
    media_type: &'a str,
    /// `as`: the kind of object.
    kind: Option<&'a str>,
    /// `g`.
    group: Option<&'a str>,
    /// `v`.
    version: Option<&'a str>,
    quality: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let mut range = Self { media_type, kind: None, group: None, version: None, quality: 1.0 };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim() {
                "as" => range.kind = Some(value),
                "g" => range.group = Some(value),
                "v" => range.version = Some(value),
                "q" => range.quality = value.trim().parse().unwrap_or(1.0),
                _ => {}
            }
        }
        range
    }

    fn takes_json(&self) -> bool {
        matches!(self.media_type, "application/json" | "application/*" | "*/*")
    }
}

/// What is taken, the most wanted first; everything where nothing is said.
fn ranges(headers: &HeaderMap) -> Vec<Range<'_>> {
    let texts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges: Vec<Range<'_>> = texts
        .flat_map(|text| text.split(','))
        .filter(|text| !text.trim().is_empty())
        .map(|text| Range::parse(text.trim()))
        .filter(|range| range.quality > 0.0)
        .collect();
    if ranges.is_empty() && !headers.contains_key(ACCEPT) {
        ranges.push(Range::parse("*/*"));
    }
    ranges.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    ranges
}

/// The form in which objects are wanted; none for the objects themselves, which nearly everybody wants.
///
/// # Errors
/// 406 where there is no form that the client takes; 400 for an `includeObject` that there is not.
pub(super) fn shape(parts: &Parts) -> Result<Option<Shape>, Refusal> {
    match parts.headers.get(ACCEPT) {
        None => return Ok(None),
        Some(value) if value == "application/json" || value == "*/*" => return Ok(None),
        Some(_) => {}
    }
    for range in ranges(&parts.headers).iter().filter(|range| range.takes_json()) {
        match (range.kind, range.group, range.version) {
            (None, ..) => return Ok(None),
            (Some("Table"), Some("meta.k8s.io"), Some(version @ ("v1" | "v1beta1"))) => {
                let version = if version == "v1" { TableVersion::V1 } else { TableVersion::V1Beta1 };
                return Ok(Some(Shape::Table { include: include(parts)?, version }));
            }
            (Some("PartialObjectMetadata"), Some("meta.k8s.io"), Some("v1")) => {
                return Ok(Some(Shape::Metadata { of_list: false }));
            }
            (Some("PartialObjectMetadataList"), Some("meta.k8s.io"), Some("v1")) => {
                return Ok(Some(Shape::Metadata { of_list: true }));
            }
            _ => {}
        }
    }
    Err(Refusal::not_acceptable(&["application/json"]))
}

fn include(parts: &Parts) -> Result<Include, Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("includeObject="));
    match asked.and_then(decode).as_deref() {
        None | Some("" | "Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::None),
        Some("Object") => Ok(Include::Object),
        Some(other) => Err(Refusal::bad_request(format!(
            "includeObject: Unsupported value: {other:?}: supported values: \"None\", \"Metadata\", \"Object\""
        ))),
    }
}

/// The version of aggregated discovery that a client would rather have than the plain kind; none where it would not.
///
/// # Errors
/// 406 where it takes neither.
pub(super) fn aggregated_discovery(headers: &HeaderMap) -> Result<Option<&'static str>, Refusal> {
    for range in ranges(headers).iter().filter(|range| range.takes_json()) {
        match (range.kind, range.group, range.version) {
            (None, ..) => return Ok(None),
            (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2")) => return Ok(Some("v2")),
            (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2beta1")) => {
                return Ok(Some("v2beta1"));
            }
            _ => {}
        }
    }
    Err(Refusal::not_acceptable(&["application/json"]))
}

/// # Errors
/// 406 where JSON is not taken.
pub(super) fn json(headers: &HeaderMap) -> Result<(), Refusal> {
    let taken = ranges(headers).iter().any(|range| range.takes_json() && range.kind.is_none());
    if taken { Ok(()) } else { Err(Refusal::not_acceptable(&["application/json"])) }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(accept: &str, query: &str) -> Parts {
        let request = Request::get(format!("/x?{query}")).header(ACCEPT, accept).body(()).expect("a request");
        request.into_parts().0
    }

    #[test]
    fn the_form_is_what_the_client_wants_most() {
        let table = Some(Shape::Table { include: Include::Metadata, version: TableVersion::V1 });
        for (accept, expected) in [
            ("application/json", None),
            ("*/*", None),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                table,
            ),
            ("application/json, application/json;as=Table;v=v1;g=meta.k8s.io", None),
            ("application/json;q=0.5, application/json;as=Table;v=v1;g=meta.k8s.io;q=0.9", table),
            ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", None),
            ("application/vnd.kubernetes.protobuf,application/json", None),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                Some(Shape::Metadata { of_list: true }),
            ),
        ] {
            assert_eq!(shape(&parts(accept, "")).expect("a form"), expected, "{accept}");
        }
    }

    #[test]
    fn what_nobody_can_give_is_refused() {
        for accept in [
            "application/vnd.kubernetes.protobuf",
            "text/html",
            "",
            "application/json;q=0",
            "application/json;as=Table;v=v9;g=meta.k8s.io",
        ] {
            assert_eq!(shape(&parts(accept, "")).expect_err(accept).code(), 406, "{accept}");
        }
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        assert_eq!(shape(&parts(table, "includeObject=Half")).expect_err("no such").code(), 400);
        let whole = shape(&parts(table, "limit=1&includeObject=Object")).expect("a form");
        assert_eq!(whole, Some(Shape::Table { include: Include::Object, version: TableVersion::V1 }));
    }
}
