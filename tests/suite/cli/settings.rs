//! Settings of a server: where each is taken from, what is refused, and that the page and the help name
//! each. Flags, variables and a file are made up for each case.

use std::ffi::OsString;

use clap::{CommandFactory, Parser as _};
use doorbuster::{
    cli::Cli,
    config::{Bounds, Config, Overrides, Port, PublicRoutes, SETTINGS},
    store::WitnessSync,
};

fn settings(
    file: Option<&str>,
    variables: &[(&str, &str)],
    flags: Overrides,
) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("doorbuster.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let environment = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| OsString::from(value))
    };
    Config::load_from(&flags, &environment, &path)
        .map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let file = Some("waiting_max = 10\nidle_seconds = 20\nmin_position_wait_ms = 30\n");
    let variables = [("DOORBUSTER_IDLE_SECONDS", "21"), ("DOORBUSTER_MIN_POSITION_WAIT_MS", "31")];
    let flags =
        Overrides { min_position_wait_ms: Some(OsString::from("32")), ..Overrides::default() };
    let expected =
        Config { waiting_max: 10, idle_seconds: 21, min_position_wait_ms: 32, ..Config::default() };
    assert_eq!(settings(file, &variables, flags), Ok(expected));
    assert_eq!(settings(None, &[], Overrides::default()), Ok(Config::default()));
}

#[test]
fn every_setting_can_be_set_by_file_variable_and_flag() {
    let serve = Cli::command().find_subcommand("serve").cloned().unwrap();
    for setting in SETTINGS {
        let (value, quoted) = match setting.bounds {
            Bounds::Text(_) if setting.key == "listen" => ("127.0.0.1:9", "\"127.0.0.1:9\""),
            Bounds::Text(_) if matches!(setting.key, "peers_listen" | "stock") => {
                ("[::1]:9", "\"[::1]:9\"")
            }
            Bounds::Text(_) if setting.key == "peers_address" => ("host:9", "\"host:9\""),
            Bounds::Text(_) if matches!(setting.key, "http" | "web" | "board") => {
                ("off", "\"off\"")
            }
            // Without the feature it can only be off: see below.
            Bounds::Text(_) if setting.key == "otel_endpoint" => continue,
            Bounds::Text(_) if setting.key == "insecure" => ("web,http", "\"web,http\""),
            Bounds::Text(_) if setting.key == "alerts" => ("off", "\"off\""),
            Bounds::Text(_) if setting.key == "sync_witness" => ("each_commit", "\"each_commit\""),
            Bounds::Text(_) if setting.key == "order_webhook_private" => ("allowed", "\"allowed\""),
            Bounds::Text(_) if setting.key.ends_with("webhook_url") => {
                ("https://a/", "\"https://a/\"")
            }
            Bounds::Text(_) if setting.key == "public_routes" => ("board", "\"board\""),
            Bounds::Text(_) if setting.key == "store" => ("esdb://db:1", "\"esdb://db:1\""),
            Bounds::Text(_) => ("elsewhere", "\"elsewhere\""),
            Bounds::Whole(least, _) if least > 77 => ("7777", "7777"),
            Bounds::Whole(..) => ("77", "77"),
        };
        let file = format!("{} = {quoted}", setting.key);
        let variable = setting.variable();
        // Where other nodes are served, they have to be known by a secret.
        let secret = ("DOORBUSTER_PEERS_SECRET_FILE", "elsewhere");
        // A certificate needs a key, and the other way round.
        let certificate = ("DOORBUSTER_TLS_CERTIFICATE", "elsewhere");
        let key = ("DOORBUSTER_TLS_KEY", "elsewhere");
        let beside = [secret, certificate, key];
        let by_file = settings(Some(&file), &beside, Overrides::default()).unwrap();
        let variables = [secret, certificate, key, (&variable, value)];
        let by_variable = settings(None, &variables, Overrides::default()).unwrap();
        assert_ne!(by_file, Config::default(), "{}", setting.key);
        assert_eq!(by_file, by_variable, "{}", setting.key);
        let flag = setting.flag();
        let argument = serve
            .get_arguments()
            .find(|argument| argument.get_long().is_some_and(|long| format!("--{long}") == flag));
        let help = argument.unwrap().get_help().unwrap().to_string();
        assert!(help.contains(&format!("[env: {variable}]")), "{help}");
        assert!(help.contains(&format!("[default: {}]", setting.default())), "{help}");
    }
    let mut flags =
        Overrides { listen: Some(OsString::from("127.0.0.1:9")), ..Overrides::default() };
    flags.data = Some(OsString::from("elsewhere"));
    flags.store = Some(OsString::from("esdb://127.0.0.1:2113?tls=false"));
    flags.store_credentials_file = Some(OsString::from("secret"));
    flags.sync_witness = Some(OsString::from("each_commit"));
    flags.http = Some(OsString::from("[::1]:8"));
    flags.web = Some(OsString::from("[::1]:9"));
    flags.tokens_file = Some(OsString::from("who"));
    flags.public_routes = Some(OsString::from("board,traffic"));
    flags.peers_listen = Some(OsString::from("0.0.0.0:7430"));
    flags.peers_address = Some(OsString::from("host:7430"));
    flags.peers_secret_file = Some(OsString::from("peers"));
    flags.board = Some(OsString::from("off"));
    flags.tls_certificate = Some(OsString::from("server.crt"));
    flags.tls_key = Some(OsString::from("server.key"));
    flags.tls_client_ca = Some(OsString::from("clients.crt"));
    flags.insecure = Some(OsString::from("web, http"));
    flags.board_clients_max = Some(OsString::from("77"));
    flags.stock = Some(OsString::from("[::1]:10"));
    flags.stock_watchers_max = Some(OsString::from("77"));
    flags.clock_step_seconds = Some(OsString::from("77"));
    flags.alerts = Some(OsString::from("off"));
    flags.webhook_url = Some(OsString::from("https://a/"));
    flags.webhook_secret_file = Some(OsString::from("key"));
    flags.webhook_timeout_ms = Some(OsString::from("77"));
    flags.webhook_attempts = Some(OsString::from("77"));
    flags.order_webhook_url = Some(OsString::from("https://b/"));
    flags.order_webhook_secret_file = Some(OsString::from("keys"));
    flags.order_webhook_kinds = Some(OsString::from("paid,sold_out"));
    flags.order_webhook_private = Some(OsString::from("allowed"));
    flags.waiting_max = Some(OsString::from("77"));
    flags.order_wait_ms = Some(OsString::from("777"));
    flags.decide_within_ms = Some(OsString::from("7777"));
    flags.traffic_waiting_max = Some(OsString::from("7777"));
    flags.traffic_shed_at_commands = Some(OsString::from("77"));
    flags.idle_seconds = Some(OsString::from("77"));
    flags.snapshot_events = Some(OsString::from("77"));
    flags.min_position_wait_ms = Some(OsString::from("77"));
    flags.drain_ms = Some(OsString::from("77"));
    flags.stop_grace_ms = Some(OsString::from("777"));
    flags.connections_max = Some(OsString::from("777"));
    flags.connection_calls_max = Some(OsString::from("777"));
    flags.connection_orders_max = Some(OsString::from("7777"));
    flags.connection_reports_max = Some(OsString::from("777"));
    flags.connection_start_ms = Some(OsString::from("777"));
    flags.connection_idle_seconds = Some(OsString::from("777"));
    let all = Config {
        data: "elsewhere".into(),
        store: "esdb://127.0.0.1:2113?tls=false".parse().unwrap(),
        store_credentials_file: Some("secret".into()),
        sync_witness: WitnessSync::EachCommit,
        listen: ([127, 0, 0, 1], 9).into(),
        http: Some("[::1]:8".parse().unwrap()),
        web: Some("[::1]:9".parse().unwrap()),
        tokens_file: Some("who".into()),
        public_routes: PublicRoutes { traffic: true, board: true },
        peers_listen: Some("0.0.0.0:7430".parse().unwrap()),
        peers_address: Some("host:7430".to_owned()),
        peers_secret_file: Some("peers".into()),
        board: None,
        tls_certificate: Some("server.crt".into()),
        tls_key: Some("server.key".into()),
        tls_client_ca: Some("clients.crt".into()),
        insecure: vec![Port::Http, Port::Web],
        board_clients_max: 77,
        stock: Some("[::1]:10".parse().unwrap()),
        stock_watchers_max: 77,
        clock_step_seconds: 77,
        alerts: false,
        webhook_url: Some("https://a/".to_owned()),
        webhook_secret_file: Some("key".into()),
        webhook_timeout_ms: 77,
        webhook_attempts: 77,
        order_webhook_url: Some("https://b/".to_owned()),
        order_webhook_secret_file: Some("keys".into()),
        order_webhook_kinds: vec!["paid".to_owned(), "sold_out".to_owned()],
        order_webhook_private: true,
        waiting_max: 77,
        order_wait_ms: 777,
        decide_within_ms: 7_777,
        traffic_waiting_max: 7_777,
        traffic_shed_at_commands: 77,
        idle_seconds: 77,
        snapshot_events: 77,
        min_position_wait_ms: 77,
        otel_endpoint: None,
        drain_ms: 77,
        stop_grace_ms: 777,
        connections_max: 777,
        connection_calls_max: 777,
        connection_orders_max: 7_777,
        connection_reports_max: 777,
        connection_start_ms: 777,
        connection_idle_seconds: 777,
    };
    assert_eq!(settings(None, &[], flags), Ok(all));
}

#[test]
fn a_wrong_setting_is_refused_with_its_name_and_where_it_came_from() {
    let files = [
        (
            "port = 1",
            "doorbuster.toml, line 1: port is not a known key: known are data, store, store_credentials_file, sync_witness, listen, http, web, board, tls_certificate, tls_key, tls_client_ca, insecure, board_clients_max, stock, stock_watchers_max, tokens_file, public_routes, peers_listen, peers_address, peers_secret_file, clock_step_seconds, alerts, webhook_url, webhook_secret_file, webhook_timeout_ms, webhook_attempts, order_webhook_url, order_webhook_secret_file, order_webhook_kinds, order_webhook_private, waiting_max, order_wait_ms, decide_within_ms, traffic_waiting_max, traffic_shed_at_commands, idle_seconds, snapshot_events, min_position_wait_ms, otel_endpoint, drain_ms, stop_grace_ms, connections_max, connection_calls_max, connection_orders_max, connection_reports_max, connection_start_ms, connection_idle_seconds",
        ),
        (
            "\nlisten_ = \"x\"",
            "doorbuster.toml, line 2: listen_ is not a known key: did you mean listen?",
        ),
        (
            "waiting_max = 0",
            "doorbuster.toml, line 1: waiting_max must be a whole number from 1 to 1000000, not \"0\"",
        ),
        (
            "waiting_max = -1",
            "doorbuster.toml, line 1: waiting_max must be a whole number from 1 to 1000000, not \"-1\"",
        ),
        (
            "waiting_max = \"8\"",
            "doorbuster.toml, line 1: waiting_max must be a whole number, not a text",
        ),
        (
            "waiting_max = 99999999999999999999",
            "doorbuster.toml, line 1: waiting_max is too large a number",
        ),
        (
            "idle_seconds = 1.5",
            "doorbuster.toml, line 1: idle_seconds must be a whole number, not a number with a fraction",
        ),
        ("data = \"\"", "doorbuster.toml, line 1: data must name a directory, not be empty"),
        (
            "listen = 7420",
            "doorbuster.toml, line 1: listen must be a text in quotes, not a whole number",
        ),
        (
            "web = \"on\"",
            "doorbuster.toml, line 1: web must be an IP address and a port such as 127.0.0.1:7421, or off, not \"on\"",
        ),
    ];
    for (file, message) in files {
        assert_eq!(
            settings(Some(file), &[], Overrides::default()),
            Err(message.to_owned()),
            "{file}"
        );
    }
    let broken = settings(Some("data ="), &[], Overrides::default()).unwrap_err();
    assert!(broken.starts_with("doorbuster.toml, line 1: the file is not TOML: "), "{broken}");

    let variables = [("DOORBUSTER_LISTEN", "localhost")];
    let message = "listen (from DOORBUSTER_LISTEN) must be an IP address and a port such as 127.0.0.1:7420, not \"localhost\"";
    assert_eq!(settings(None, &variables, Overrides::default()), Err(message.to_owned()));

    let flags = Overrides { idle_seconds: Some(OsString::from("soon")), ..Overrides::default() };
    let message =
        "idle_seconds (from --idle-seconds) must be a whole number from 1 to 86400, not \"soon\"";
    assert_eq!(settings(None, &[], flags), Err(message.to_owned()));

    let flags = Overrides { config: Some("missing.toml".into()), ..Overrides::default() };
    let message = settings(None, &[], flags).unwrap_err();
    assert!(message.starts_with("missing.toml cannot be read: "), "{message}");
}

#[test]
fn plain_text_is_for_this_machine_unless_it_is_said_otherwise() {
    let open = "beyond this machine";
    let cases = [
        ("listen = \"127.0.0.1:7\"\nhttp = \"[::1]:7\"\nweb = \"[::ffff:127.0.0.1]:7\"", Ok("")),
        ("listen = \"0.0.0.0:7\"", Err("listen is 0.0.0.0:7, which other machines can reach")),
        ("http = \"[::]:7\"", Err("http is [::]:7, which other machines can reach")),
        ("listen = \"0.0.0.0:7\"\ninsecure = \"listen\"", Ok(open)),
        ("stock = \"0.0.0.0:7\"", Err("stock is 0.0.0.0:7, which other machines can reach")),
        ("listen = \"0.0.0.0:7\"\ninsecure = \"all\"", Ok(open)),
        ("listen = \"0.0.0.0:7\"\ninsecure = \"web,board\"", Err("listen is 0.0.0.0:7, which")),
        ("listen = \"0.0.0.0:7\"\ntls_certificate = \"a\"\ntls_key = \"b\"", Ok("")),
        (
            "web = \"0.0.0.0:7\"\ntls_certificate = \"a\"\ntls_key = \"b\"\ninsecure = \"web\"",
            Ok(open),
        ),
        (
            "insecure = \"\"",
            Err("insecure must be none, all, or some of listen, http, web, board and stock"),
        ),
        ("insecure = \"peers\"", Err("with commas between them, not \"peers\"")),
        ("tls_certificate = \"a\"", Err("tls_key is missing: tls_certificate is set")),
        ("tls_key = \"a\"", Err("tls_certificate is missing: tls_key is set")),
        ("tls_client_ca = \"a\"", Err("tls_client_ca has no effect without tls_certificate")),
        (
            "tls_certificate = \"a\"\ntls_key = \"b\"\ninsecure = \"all\"",
            Err("insecure names every listener, and tls_certificate would have no effect"),
        ),
    ];
    for (file, expected) in cases {
        let judged = settings(Some(file), &[], Overrides::default());
        match (judged, expected) {
            (Ok(config), Ok(expected)) => {
                let is_open = !config.plain_beyond_this_machine().is_empty();
                assert_eq!(is_open, expected == open, "{file}");
            }
            (Err(said), Err(expected)) => assert!(said.contains(expected), "{file}: {said}"),
            (judged, expected) => panic!("{file}: {judged:?}, not {expected:?}"),
        }
    }
    let serve = Cli::try_parse_from(["doorbuster", "serve", "--insecure", "--listen", "0.0.0.0:7"]);
    assert!(serve.is_ok(), "{serve:?}");
}

#[test]
fn spans_go_to_a_plain_address_and_only_where_they_are_built_in() {
    let endpoint = |text: &str| {
        let file = format!("otel_endpoint = {text:?}");
        settings(Some(&file), &[], Overrides::default()).map(|config| config.otel_endpoint)
    };
    assert_eq!(endpoint("off"), Ok(None));
    let good = endpoint("http://127.0.0.1:4317");
    if cfg!(feature = "otel") {
        assert_eq!(good, Ok(Some("http://127.0.0.1:4317".to_owned())));
        for wrong in ["", "127.0.0.1:4317", "https://a", "http://", "http://a/b", "http://u:p@a"] {
            let why = endpoint(wrong).unwrap_err();
            assert!(why.contains("otel_endpoint must be a URL such as"), "{why}");
        }
    } else {
        let why = good.unwrap_err();
        assert!(why.contains("otel_endpoint needs a build with `--features otel`"), "{why}");
    }
    let serve = Cli::command();
    let serve = serve.find_subcommand("serve").unwrap();
    let argument = serve.get_arguments().find(|one| one.get_long() == Some("otel-endpoint"));
    let help = argument.unwrap().get_help().unwrap().to_string();
    assert!(help.contains("[env: DOORBUSTER_OTEL_ENDPOINT] [default: off]"), "{help}");
}

#[test]
fn the_page_on_configuration_lists_every_setting_as_the_code_has_it() {
    let page = include_str!("../../../docs/configuration.md");
    let rows: Vec<_> = page
        .lines()
        .filter(|line| {
            line.contains("| `DOORBUSTER_")
                && line.starts_with("| `")
                && !line.starts_with("| `DOORBUSTER_")
        })
        .collect();
    assert_eq!(rows.len(), SETTINGS.len());
    for (row, setting) in rows.iter().zip(SETTINGS) {
        let unit =
            if setting.unit.is_empty() { String::new() } else { format!("{} ", setting.unit) };
        let expected = format!(
            "| `{}` | `{}` | `{}` | {unit}| `{}` | {} | ",
            setting.key,
            setting.flag(),
            setting.variable(),
            setting.default(),
            setting.bounds
        );
        assert!(row.starts_with(&expected), "{row}\nmust start with\n{expected}");
    }
}
