//! Questions about oneself: who am I, and what may I do. There is one user, who may do everything.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::cluster::{create::to_bytes, reply::Reply, status::Refusal};

/// The header by which a client says that it asks for another.
pub(in crate::cluster) const IMPERSONATE: &str = "impersonate-user";

/// Who has the token, and who is there where no token is asked for.
const USER: &str = "provbench";

/// A kind of question.
#[derive(Debug)]
pub(in crate::cluster) struct Review {
    pub(super) group: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    /// The answer, for the one user or for anybody else.
    status: fn(Option<&str>) -> Value,
}

/// All kinds of question.
pub(super) const REVIEWS: [Review; 3] = [
    Review {
        group: "authentication.k8s.io",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        status: |other| {
            let groups = if other.is_some() {
                vec!["system:authenticated"]
            } else {
                vec!["system:masters", "system:authenticated"]
            };
            json!({"userInfo": {"username": other.unwrap_or(USER), "groups": groups}})
        },
    },
    Review {
        group: "authorization.k8s.io",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        status: |other| match other {
            None => json!({"allowed": true, "reason": "the token's owner may do everything"}),
            Some(_) => json!({"allowed": false}),
        },
    },
    Review {
        group: "authorization.k8s.io",
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        status: |other| {
            let (resources, others) = if other.is_some() {
                (json!([]), json!([]))
            } else {
                (
                    json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]),
                    json!([{"verbs": ["*"], "nonResourceURLs": ["*"]}]),
                )
            };
            json!({"resourceRules": resources, "nonResourceRules": others, "incomplete": false})
        },
    },
];

/// Whether a path asks about the one who asks.
pub(in crate::cluster) fn is_about_oneself(path: &str) -> bool {
    path.starts_with("/apis/authorization.k8s.io/v1/") || path.starts_with("/apis/authentication.k8s.io/v1/")
}

/// The kind of question that a resource is, if it is any.
pub(in crate::cluster) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Review> {
    REVIEWS.iter().find(|review| review.group == group && version == "v1" && review.plural == plural)
}

impl Review {
    /// The answer to a question.
    ///
    /// # Errors
    /// 400 where it is another question.
    pub(in crate::cluster) fn answer(&self, headers: &HeaderMap, mut question: Value) -> Result<Reply, Refusal> {
        let Value::Object(fields) = &mut question else {
            return Err(Refusal::bad_request("the object provided is unrecognized (must be of type Object)"));
        };
        let asked = fields.get("kind").and_then(Value::as_str).unwrap_or(self.kind);
        if asked != self.kind {
            return Err(Refusal::bad_request(format!("{asked} cannot be handled as a {}", self.kind)));
        }
        let other = headers.get(IMPERSONATE).and_then(|user| user.to_str().ok());
        fields.insert("kind".to_owned(), self.kind.into());
        fields.insert("apiVersion".to_owned(), format!("{}/v1", self.group).into());
        fields.entry("metadata").or_insert_with(|| json!({}));
        fields.insert("status".to_owned(), (self.status)(other));
        Ok(Reply::Json(StatusCode::CREATED, to_bytes(&question)))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn allowed(headers: &HeaderMap) -> Value {
        let review = find("authorization.k8s.io", "v1", "selfsubjectaccessreviews").expect("a review");
        let question = json!({"spec": {"resourceAttributes": {"verb": "create"}}});
        let response = review.answer(headers, question).expect("an answer").into_response();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        serde_json::from_slice::<Value>(&bytes).expect("JSON")["status"]["allowed"].clone()
    }

    #[tokio::test]
    async fn the_owner_may_do_everything_and_nobody_else_anything() {
        let mut headers = HeaderMap::new();
        assert_eq!(allowed(&headers).await, true);
        headers.insert(IMPERSONATE, "somebody".parse().expect("a header"));
        assert_eq!(allowed(&headers).await, false);
    }
}
