//! `provbench simulate eda`.

use std::path::PathBuf;

use anyhow::anyhow;
use bytes::Bytes;
use clap::Args;
use http::{Request, Uri};
use tower::ServiceExt;

use super::{Ground, ServeArguments, serve_until_told, token};
use crate::{
    cli::exit::Failure,
    operator::provider::http::{Transport, network_transport},
    sim::{Eda, EdaOptions, HttpService, eda::Endpoint},
};

/// A simulated event-driven engine: webhooks in, job launches on a controller out
///
/// Webhooks: POST /create-compute-instance and /delete-compute-instance, with the object as JSON.
#[derive(Debug, Args)]
pub(super) struct EdaArguments {
    #[command(flatten)]
    serve: ServeArguments,
    /// The controller that jobs are launched on: its URL, ending in /api or /api/controller
    #[arg(long, value_name = "URL")]
    aap_url: String,
    /// A file with the controller's token [default: what PROVBENCH_AAP_TOKEN says]
    #[arg(long, value_name = "FILE")]
    aap_token_file: Option<PathBuf>,
    /// Certificates (PEM) that the controller's server is verified against, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A file with the token that webhooks must carry [default: what PROVBENCH_EDA_TOKEN says, else everybody may post]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The name of the template that provisions
    #[arg(long, value_name = "NAME", default_value = "create-compute-instance")]
    provision_template: String,
    /// The name of the template that deprovisions
    #[arg(long, value_name = "NAME", default_value = "delete-compute-instance")]
    deprovision_template: String,
}

pub(super) async fn simulate(arguments: &EdaArguments) -> Result<(), Failure> {
    let base = Base::parse(&arguments.aap_url).map_err(Failure::usage)?;
    let token = |file: &Option<PathBuf>, name: &str| {
        token::given(file.as_deref(), token::variable(name).as_deref()).map_err(Failure::usage)
    };
    let aap_token = token(&arguments.aap_token_file, token::AAP_VARIABLE)?;
    let webhook_token = token(&arguments.token_file, token::EDA_VARIABLE)?;
    if webhook_token.is_none() && !arguments.serve.listen.ip().is_loopback() {
        eprintln!("warning: everybody who reaches {} may launch jobs; set --token-file", arguments.serve.listen);
    }
    let transport = network_transport(arguments.ca_file.as_deref()).map_err(Failure::could_not_run)?;
    let Ground { clock, seed, truth, profile, journal, listener } = Ground::prepare(&arguments.serve).await?;
    let eda = Eda::new(EdaOptions {
        clock,
        seed,
        truth,
        profile: profile.eda,
        aap: base.of(transport),
        aap_token,
        endpoints: vec![
            Endpoint::create(&arguments.provision_template),
            Endpoint::delete(&arguments.deprovision_template),
        ],
        webhook_token,
    });
    serve_until_told(eda.service(), listener, journal, arguments.serve.lasts).await
}

/// Where the controller is: the engine knows only paths of its API.
#[derive(Clone, Debug)]
struct Base {
    scheme: String,
    authority: String,
    /// `/api`, `/api/controller`, without a slash behind it.
    path: String,
}

impl Base {
    fn parse(url: &str) -> anyhow::Result<Self> {
        let wrong =
            || anyhow!("--aap-url {url} is no URL that can be used; it looks like https://aap.example/api/controller");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https")).ok_or_else(wrong)?;
        let path = uri.path().trim_end_matches('/').trim_end_matches("/v2");
        if path.is_empty() || uri.query().is_some() {
            return Err(wrong());
        }
        let authority = uri.authority().ok_or_else(wrong)?.to_string();
        Ok(Self { scheme: scheme.to_owned(), authority, path: path.to_owned() })
    }

    /// The engine begins with `/api/v2/`; from then on it follows the paths that the controller gave it.
    fn url(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        let path = match path_and_query.strip_prefix("/api/v2/") {
            Some(rest) => format!("{}/v2/{rest}", self.path),
            None => path_and_query.to_owned(),
        };
        Uri::builder().scheme(self.scheme.as_str()).authority(self.authority.as_str()).path_and_query(path).build()
    }

    /// The controller as a service.
    fn of(self, transport: Transport) -> HttpService {
        let transport = std::sync::Arc::new(parking_lot::Mutex::new(transport));
        HttpService::new(tower::service_fn(move |request: Request<Bytes>| {
            let (base, transport) = (self.clone(), transport.lock().clone());
            async move {
                let (mut head, body) = request.into_parts();
                head.uri = base.url(head.uri.path_and_query().map_or("/", |path| path.as_str()))?;
                transport.oneshot(Request::from_parts(head, body)).await
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_asks_for_goes_to_the_controllers_url() {
        let base = Base::parse("https://aap.example:8443/api/controller/").expect("a URL");
        let url = |path: &str| base.url(path).expect("a URL").to_string();
        assert_eq!(
            url("/api/v2/unified_job_templates/?name=a"),
            "https://aap.example:8443/api/controller/v2/unified_job_templates/?name=a"
        );
        assert_eq!(
            url("/api/controller/v2/job_templates/7/launch/"),
            "https://aap.example:8443/api/controller/v2/job_templates/7/launch/"
        );
        for wrong in ["aap.example", "https://aap.example", "ftp://aap.example/api", "https://aap.example/api?x=y"] {
            assert!(Base::parse(wrong).is_err(), "{wrong}");
        }
    }
}
