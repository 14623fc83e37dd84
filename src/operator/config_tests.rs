use super::*;
use crate::units::Seed;

fn read(variables: &[(&str, &str)]) -> Result<(Config, Vec<Warning>), ConfigError> {
    Config::from_env(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

const EDA: [(&str, &str); 2] = [
    (PROVISION_WEBHOOK, "http://eda:5000/create-compute-instance"),
    (DEPROVISION_WEBHOOK, "http://eda:5000/delete-compute-instance"),
];

const AAP: [(&str, &str); 5] = [
    (PROVIDER, "aap"),
    (AAP_URL, "https://aap.example/api/controller/"),
    (AAP_TOKEN, "t0ps3cret"),
    (AAP_PROVISION, "create-vm"),
    (AAP_DEPROVISION, "delete-vm"),
];

#[test]
fn the_defaults_hold_where_nothing_is_set() {
    let (config, warnings) = read(&EDA).expect("a configuration");
    assert_eq!(config.provider, ProviderKind::Eda);
    assert_eq!((config.max_job_history, config.namespace.as_str()), (10, "cloudkit-computeinstance"));
    assert_eq!(config.status_poll_interval, Duration::from_secs(30));
    assert_eq!(config.minimum_request_interval, Duration::ZERO);
    assert_eq!(config.aap, None);
    assert_eq!(warnings, []);
}

#[test]
fn the_backends_that_are_set_up_are_the_ones_whose_urls_count() {
    let webhooks = ["http://eda:5000/create-compute-instance", "http://eda:5000/delete-compute-instance"];
    let urls = |variables: &[(&str, &str)]| -> Vec<String> {
        read(variables).expect("a configuration").0.backend_urls().map(str::to_owned).collect()
    };
    assert_eq!(urls(&EDA), webhooks);
    assert_eq!(urls(&AAP), ["https://aap.example/api/controller"]);
    // A job of the other provider's may be left to finish.
    let both = [&AAP[..], &EDA].concat();
    assert_eq!(urls(&both), [&["https://aap.example/api/controller"][..], &webhooks].concat());
}

#[test]
fn every_variable_is_read() {
    let mut variables = AAP.to_vec();
    variables.extend(EDA);
    variables.extend([
        (HISTORY, "3"),
        (NAMESPACE, "vms"),
        (REQUEST_INTERVAL, "1m30s"),
        (POLL_INTERVAL, "5s"),
        (WORKERS, "7"),
        (RETRY_FIRST, "1s"),
        (RETRY_LONGEST, "2m"),
        (RETRY_ATTEMPTS, "9"),
        (SIGN_OF_LIFE, "3m"),
        (COMPLETION, "4m"),
        (ORPHAN_GRACE, "6m"),
        (EVENTS, "false"),
        (AAP_TOKEN_FILE, "/run/secrets/aap"),
    ]);
    assert_eq!(variables.len(), VARIABLES.len(), "each variable once");
    let (config, warnings) = read(&variables).expect("a configuration");
    assert_eq!(warnings, []);
    let aap = config.aap.expect("AAP");
    assert_eq!(aap.url, "https://aap.example/api/controller");
    assert_eq!(aap.token, Secret::in_file("/run/secrets/aap".into()), "the file counts where both are set");
    assert_eq!((aap.provision_template.as_str(), aap.deprovision_template.as_str()), ("create-vm", "delete-vm"));
    assert_eq!(config.eda.expect("EDA").provision_webhook, "http://eda:5000/create-compute-instance");
    assert_eq!((config.provider, config.max_job_history, config.namespace.as_str()), (ProviderKind::Aap, 3, "vms"));
    assert_eq!(config.minimum_request_interval, Duration::from_secs(90));
    assert_eq!((config.status_poll_interval, config.workers), (Duration::from_secs(5), 7));
    assert_eq!(
        config.retry,
        RetrySettings {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(120),
            provision_attempts: 9,
            jitter: Seed::new(0)
        }
    );
    assert_eq!(
        config.eda_patience,
        EdaPatience { sign_of_life: Duration::from_secs(180), completion: Duration::from_secs(240) }
    );
    assert_eq!(config.orphan_grace, Duration::from_secs(360));
    assert!(!config.events);
}

#[test]
fn a_token_shows_nowhere_and_its_file_does() {
    let token = Secret::new("t0ps3cret".into());
    assert_eq!(token.reveal().expect("a token"), "t0ps3cret");
    assert_eq!(format!("{token:?}"), "(secret)");
    let file = Secret::in_file("/nowhere/token".into());
    assert_eq!(format!("{file:?}"), "(secret in /nowhere/token)");
    file.reveal().expect_err("there is no such file");
}

#[test]
fn a_bad_value_gives_a_warning_and_the_default() {
    for (variable, value) in [
        (PROVIDER, "jenkins"),
        (HISTORY, "0"),
        (HISTORY, "many"),
        (HISTORY, "-1"),
        (REQUEST_INTERVAL, "-5s"),
        (POLL_INTERVAL, "30"),
        (POLL_INTERVAL, "0s"),
        (WORKERS, "0"),
        (RETRY_ATTEMPTS, "99999999999"),
    ] {
        let mut variables = EDA.to_vec();
        variables.push((variable, value));
        let (config, warnings) = read(&variables).expect("a configuration");
        let (default, _) = read(&EDA).expect("a configuration");
        assert_eq!(config, default, "{variable}={value}");
        assert_eq!(warnings.len(), 1, "{variable}={value}");
        let text = warnings[0].to_string();
        assert!(text.contains(variable) && text.contains(value) && text.contains("using the default"), "{text}");
    }
}

#[test]
fn the_first_wait_is_never_longer_than_the_longest() {
    let retry = |variables: &[(&'static str, &'static str)]| {
        let (config, warnings) = read(&[&EDA[..], variables].concat()).expect("a configuration");
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        (config.retry.first.as_secs(), config.retry.longest.as_secs(), warnings)
    };
    assert_eq!(retry(&[(RETRY_FIRST, "10m")]), (600, 600, vec![]));
    let (first, longest, warnings) = retry(&[(RETRY_FIRST, "20m")]);
    assert_eq!((first, longest), (600, 600));
    let told =
        "CLOUDKIT_RETRY_FIRST=\"20m\": longer than the longest wait, CLOUDKIT_RETRY_LONGEST=10m; every wait is 10m";
    assert_eq!(warnings, [told]);
    let (first, longest, warnings) = retry(&[(RETRY_LONGEST, "10s")]);
    assert_eq!((first, longest), (10, 10));
    let told =
        "CLOUDKIT_RETRY_LONGEST=\"10s\": shorter than the first wait, CLOUDKIT_RETRY_FIRST=30s; every wait is 10s";
    assert_eq!(warnings, [told]);
    let (first, longest, warnings) = retry(&[(RETRY_FIRST, "2m"), (RETRY_LONGEST, "1m")]);
    assert_eq!((first, longest, warnings.len()), (60, 60, 1));
    // One that can't be used at all is its default, which has to fit too.
    let (first, longest, warnings) = retry(&[(RETRY_FIRST, "soon"), (RETRY_LONGEST, "10s")]);
    assert_eq!((first, longest, warnings.len()), (10, 10, 2));
    assert!(warnings[1].starts_with("CLOUDKIT_RETRY_LONGEST"), "{warnings:?}");
}

#[test]
fn what_the_chosen_provider_needs_must_be_there() {
    let error = read(&[(PROVIDER, "aap"), (AAP_URL, "https://aap/api")]).expect_err("no configuration");
    assert_eq!(
        error.to_string(),
        "the provider aap needs CLOUDKIT_AAP_TOKEN, CLOUDKIT_AAP_PROVISION_TEMPLATE, CLOUDKIT_AAP_DEPROVISION_TEMPLATE; \
         set them in the operator's environment"
    );
    let error = read(&EDA[..1]).expect_err("no configuration");
    assert_eq!(error, ConfigError::Missing { provider: ProviderKind::Eda, variables: vec![DEPROVISION_WEBHOOK] });
}

#[test]
fn a_url_that_no_request_could_be_sent_to_is_an_error() {
    for url in ["not a url", "ftp://aap/api", "/api", "http://", "https://me:t0ps3cret@aap/api"] {
        let mut variables = AAP.to_vec();
        variables[1].1 = url;
        let error = read(&variables).expect_err(url);
        assert!(matches!(error, ConfigError::BadUrl { variable: AAP_URL, .. }), "{url}");
        assert!(!error.to_string().contains("t0ps3cret"), "{error}");
    }
}

#[test]
fn a_secret_never_shows() {
    let (config, _) = read(&AAP).expect("a configuration");
    assert!(!format!("{config:?}").contains("t0ps3cret"));
    for (url, shown) in [
        ("https://eda/hook?token=a", "https://eda/hook"),
        ("https://me:b@eda:5000/hook@home#c", "https://eda:5000/hook@home"),
        ("https://me@eda", "https://eda"),
        ("/hook@home", "/hook@home"),
    ] {
        assert_eq!(showable(url), shown);
    }
}

#[test]
fn events_are_written_unless_they_are_switched_off() {
    let events = |value: &str| {
        let mut variables = EDA.to_vec();
        variables.push((EVENTS, value));
        read(&variables).map(|(config, warnings)| (config.events, warnings.len())).expect("a configuration")
    };
    assert_eq!(
        (events(""), events("true"), events("false"), events("no")),
        ((true, 0), (true, 0), (false, 0), (true, 1))
    );
}
