use super::*;
use crate::config::Secret;

fn messages(change: impl FnOnce(&mut Config)) -> Vec<String> {
    let mut config = Config::default();
    change(&mut config);
    violations(&config).into_iter().map(|violation| violation.message).collect()
}

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn the_defaults_break_no_rule() {
    assert_eq!(messages(|_| ()), Vec::<String>::new());
}

#[test]
fn a_peer_must_not_time_out_before_its_next_announce() {
    assert_eq!(
        messages(|config| config.tracker.peer_timeout_seconds = 1800),
        ["`tracker.peer_timeout_seconds` (1800) must be more than `tracker.interval_seconds` \
          (1800): otherwise peers are dropped before they announce again"]
    );
    assert_eq!(messages(|config| config.tracker.peer_timeout_seconds = 1801), Vec::<String>::new());
}

#[test]
fn the_least_interval_and_the_default_numwant_stay_within_their_bounds() {
    assert_eq!(
        messages(|config| {
            config.tracker.min_interval_seconds = 1801;
            config.tracker.numwant_default = 201;
        }),
        [
            "`tracker.min_interval_seconds` (1801) must not be more than \
             `tracker.interval_seconds` (1800)",
            "`tracker.numwant_default` (201) must not be more than `tracker.numwant_max` (200)",
        ]
    );
}

#[test]
fn an_announce_url_base_is_a_url_without_a_slash_at_its_end() {
    for good in ["http://a", "https://tracker.example.org", "udp://[::1]:34000", "http://a/b"] {
        assert_eq!(
            messages(|config| config.tracker.announce_url_base = good.to_owned()),
            Vec::<String>::new(),
            "{good}"
        );
    }
    for bad in ["a", "ftp://a", "http://", "http://a/", "http:///a", "http://a b", "http://a?b"] {
        assert_eq!(
            messages(|config| config.tracker.announce_url_base = bad.to_owned()),
            [format!(
                "`tracker.announce_url_base` must begin with http://, https:// or udp://, name a \
                 host, and not end with a slash, unlike `{bad}`"
            )]
        );
    }
}

#[test]
fn https_needs_a_certificate_and_its_key() {
    assert_eq!(
        messages(|config| config.https.listen = addresses(&["0.0.0.0:34443"])),
        ["`https.listen` needs `https.certificate_file`", "`https.listen` needs `https.key_file`"]
    );
    assert_eq!(
        messages(|config| {
            config.https.listen = addresses(&["0.0.0.0:34443"]);
            config.https.certificate_file = "cert.pem".into();
            config.https.key_file = "key.pem".into();
        }),
        Vec::<String>::new()
    );
}

#[test]
fn a_client_address_from_a_proxy_needs_a_trusted_proxy() {
    assert_eq!(
        messages(|config| config.http.client_address_header = "X-Forwarded-For".to_owned()),
        ["`http.client_address_header` needs `http.trusted_proxies`: without it, every client \
          could claim any address"]
    );
    assert_eq!(
        messages(|config| config.http.proxy_protocol = true),
        ["`http.proxy_protocol` needs `http.trusted_proxies`: nobody else may send the header"]
    );
    assert_eq!(
        messages(|config| {
            config.http.trusted_proxies = vec!["::1".parse().unwrap()];
            config.http.client_address_header = "X-Forwarded-For".to_owned();
        }),
        Vec::<String>::new()
    );
}

#[test]
fn only_one_way_to_learn_a_client_address_may_be_on() {
    assert_eq!(
        messages(|config| {
            config.http.trusted_proxies = vec!["::1".parse().unwrap()];
            config.http.client_address_header = "X-Forwarded-For".to_owned();
            config.http.proxy_protocol = true;
        }),
        ["`http.proxy_protocol` and `http.client_address_header` must not both be set: they \
             could name different addresses"]
    );
}

#[test]
fn a_header_name_has_no_spaces_or_colons() {
    assert_eq!(
        messages(|config| {
            config.http.trusted_proxies = vec!["::1".parse().unwrap()];
            config.http.client_address_header = "X-Real-IP:".to_owned();
        }),
        ["`http.client_address_header` must be the name of a header, unlike `X-Real-IP:`"]
    );
}

#[test]
fn the_admin_address_is_local_unless_that_is_said() {
    let public = "[::]:34001";
    assert_eq!(
        messages(|config| config.admin.listen = public.parse().unwrap()),
        ["`admin.listen` ([::]:34001) can be reached from other machines: use 127.0.0.1, set \
          `admin.certificate_file` and `admin.key_file` for HTTPS, or set `admin.allow_public` if \
          something else protects it"]
    );
    assert_eq!(
        messages(|config| {
            config.admin.listen = public.parse().unwrap();
            config.admin.certificate_file = "cert.pem".into();
            config.admin.key_file = "key.pem".into();
        }),
        Vec::<String>::new()
    );
    assert_eq!(
        messages(|config| {
            config.admin.listen = public.parse().unwrap();
            config.admin.allow_public = true;
        }),
        Vec::<String>::new()
    );
    for local in ["127.0.0.2:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert_eq!(
            messages(|config| config.admin.listen = local.parse().unwrap()),
            Vec::<String>::new(),
            "{local}"
        );
    }
}

#[test]
fn the_admin_api_needs_a_way_in_and_both_halves_of_a_certificate() {
    let found = messages(|config| config.admin.tcp = false);
    assert!(found.len() == 1 && found[0].contains("nobody could reach"), "{found:?}");
    let socket_only = messages(|config| {
        config.admin.tcp = false;
        config.admin.listen = "0.0.0.0:34000".parse().unwrap();
        config.admin.unix_socket = "/run/mika/admin.sock".into();
    });
    assert_eq!(socket_only, Vec::<String>::new());
    let found = messages(|config| config.admin.key_file = "key.pem".into());
    assert!(found.len() == 1 && found[0].contains("go together"), "{found:?}");
    for mode in ["0999", "rw", "01777", ""] {
        let found = messages(|config| config.admin.unix_socket_mode = mode.to_owned());
        assert!(found.len() == 1 && found[0].contains("octal mode"), "{mode}: {found:?}");
    }
}

#[test]
fn a_token_that_fits_in_no_header_is_refused_without_being_shown() {
    for bad in ["two words", "tab\t", "ümlaut"] {
        assert_eq!(
            messages(|config| config.admin.token = super::super::Secret::new(bad)),
            ["the admin token must consist of visible ASCII characters, for it is sent in a \
              header"]
        );
    }
}

#[test]
fn two_tcp_listeners_cannot_share_an_address() {
    assert_eq!(
        messages(|config| config.http.listen = addresses(&["127.0.0.1:34001"])),
        ["`http.listen` (127.0.0.1:34001) is in conflict with `admin.listen` (127.0.0.1:34001)"]
    );
    assert_eq!(
        messages(|config| config.http.listen = addresses(&["0.0.0.0:34001", "[::]:34001"])),
        ["`http.listen` (0.0.0.0:34001) is in conflict with `admin.listen` (127.0.0.1:34001)"]
    );
    assert_eq!(
        messages(|config| config.udp.listen = addresses(&["192.0.2.1:1", "192.0.2.1:1"])),
        ["`udp.listen` (192.0.2.1:1) is in conflict with `udp.listen` (192.0.2.1:1)"]
    );
}

#[test]
fn different_addresses_ports_families_and_port_0_are_no_conflict() {
    assert_eq!(
        messages(|config| {
            config.http.listen = addresses(&["127.0.0.1:0", "127.0.0.1:0", "[::1]:34001"]);
            config.udp.listen = addresses(&["192.0.2.1:1", "192.0.2.2:1", "127.0.0.1:34001"]);
        }),
        Vec::<String>::new()
    );
}

#[test]
fn a_tracker_that_nobody_could_reach_is_refused() {
    assert_eq!(
        messages(|config| {
            config.http.listen.clear();
            config.udp.listen.clear();
        }),
        ["`http.listen`, `https.listen` and `udp.listen` are all empty: no client could \
             reach the tracker"]
    );
    assert_eq!(messages(|config| config.http.listen.clear()), Vec::<String>::new());
}

#[test]
fn empty_paths_are_refused() {
    assert_eq!(
        messages(|config| {
            config.data.dir = "".into();
            config.store.path = "".into();
        }),
        ["`data.dir` must not be empty", "`store.path` must not be empty"]
    );
}

#[test]
fn an_http_store_needs_an_address_and_something_to_prove_itself_with() {
    assert_eq!(
        messages(|config| config.store.kind = StoreKind::Http),
        [
            "`store.kind` = \"http\" needs `store_http.url`, the address of the site",
            "`store.kind` = \"http\" needs `store_http.token` or `store_http.secret`, better both: \
             without them anybody could write to the site",
        ]
    );
    let http = |url: &str| {
        messages(|config| {
            config.store.kind = StoreKind::Http;
            config.store_http.url = url.to_owned();
            config.store_http.secret = Secret::new("secret");
        })
    };
    for good in ["https://site.example", "http://127.0.0.1:8080/tracker"] {
        assert_eq!(http(good), Vec::<String>::new(), "{good}");
    }
    for bad in ["site.example", "ftp://site.example", "https://a:b@site.example", "http://a/?b"] {
        assert_eq!(
            http(bad),
            [concat!(
                "`store_http.url` must begin with http:// or https://, ",
                "and contain neither a user nor a query"
            )],
            "{bad}"
        );
    }
}

#[test]
fn the_token_of_an_http_store_fits_into_a_header() {
    assert_eq!(
        messages(|config| config.store_http.token = Secret::new("two\nlines")),
        ["`store_http.token` must consist of visible ASCII characters, for it is sent in a header"]
    );
}

#[test]
fn the_interface_of_a_site_needs_a_secret_that_fits_into_a_path_and_a_private_address() {
    let secret = |text: &str| Secret::new(text.repeat(16));
    let local = addresses(&["127.0.0.1:34002"]);
    let good = |config: &mut Config| {
        config.site_api.listen = local.clone();
        config.site_api.ocelot_password = secret("a");
        config.site_api.ocelot_report_password = secret("b");
    };
    assert_eq!(messages(good), Vec::<String>::new());
    let first = |change: &dyn Fn(&mut Config)| {
        let told = messages(|config| {
            good(config);
            change(config);
        });
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].split("` ").take(2).collect::<Vec<_>>().join("` ")
    };
    for wrong in [Secret::new("short"), secret("a/"), secret("a?"), secret("#"), secret("a b")] {
        let told = first(&|config| config.site_api.unit3d_key = wrong.clone());
        assert!(told.starts_with("`site_api.unit3d_key` must have 16 or more"), "{told}");
    }
    let same = first(&|config| config.site_api.ocelot_report_password = secret("a"));
    assert!(same.starts_with("`site_api.ocelot_report_password` and `site_api"), "{same}");
    let nobody = first(&|config| {
        config.site_api.ocelot_password = Secret::default();
        config.site_api.ocelot_report_password = Secret::default();
    });
    assert!(nobody.starts_with("`site_api.listen` needs the secret of the site"), "{nobody}");
    let deaf = first(&|config| config.site_api.listen = Vec::new());
    assert!(deaf.starts_with("`site_api.listen` and `site_api.unix_socket"), "{deaf}");
    let open = |config: &mut Config| config.site_api.listen = addresses(&["10.0.0.1:34002"]);
    let told = first(&open);
    assert!(told.contains("can be reached from other machines"), "{told}");
    let allowed = messages(|config| {
        good(config);
        open(config);
        config.site_api.allow_public = true;
    });
    assert_eq!(allowed, Vec::<String>::new());
    let mode = first(&|config| config.site_api.unix_socket_mode = "9".to_owned());
    assert!(mode.starts_with("`site_api.unix_socket_mode` must be an octal mode"), "{mode}");
    let taken = first(&|config| config.site_api.listen = addresses(&["127.0.0.1:34001"]));
    assert!(taken.contains("is in conflict with `admin.listen"), "{taken}");
}

#[test]
fn the_url_of_a_store_is_one_that_its_kind_can_use() {
    let said = |kind, url: &str| {
        messages(|config| {
            config.store.kind = kind;
            config.store.url = Secret::new(url);
        })
    };
    for (kind, good, bad) in [
        (StoreKind::Mysql, "mysql://mika:s3cret@localhost/site", "postgres://"),
        (StoreKind::Postgres, "postgres://mika:s3cret@localhost/site", "mysql://"),
        (StoreKind::Redis, "redis://:s3cret@localhost/0", "http://"),
    ] {
        assert_eq!(said(kind, good), Vec::<String>::new());
        for bad in [format!("{bad}mika:s3cret@localhost/site"), "s3cret".to_owned()] {
            let said = said(kind, &bad);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with("store.url ") && !said[0].contains("s3cret"), "{said:?}");
        }
    }
    let said = said(StoreKind::Mysql, "mysql://mika:s3cret/word@localhost/site");
    assert!(said[0].contains("percent-encode special characters in the password"), "{said:?}");
    assert!(!said[0].contains("s3cret"), "{said:?}");
}
