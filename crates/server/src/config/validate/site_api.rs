//! The rules of `[site_api]`.

use super::super::{Config, Secret};
use super::Found;

/// Characters of a secret at least: Gazelle's have 32.
const SECRET_CHARACTERS_MIN: usize = 16;

/// What the section must not be.
pub(super) fn rules(config: &Config, found: &mut Found) {
    let api = &config.site_api;
    let secrets: [(&[&'static str], &Secret); 3] = [
        (&["site_api.ocelot_password", "site_api.ocelot_password_file"], &api.ocelot_password),
        (
            &["site_api.ocelot_report_password", "site_api.ocelot_report_password_file"],
            &api.ocelot_report_password,
        ),
        (&["site_api.unit3d_key", "site_api.unit3d_key_file"], &api.unit3d_key),
    ];
    for (keys, secret) in secrets {
        found.when(!secret.is_empty() && !is_good(secret), keys, || {
            let key = keys.first().copied().unwrap_or_default();
            format!(
                "`{key}` must have {SECRET_CHARACTERS_MIN} or more visible ASCII characters other \
                 than / ? & and #, for it is part of a path"
            )
        });
    }
    let (one, other) = (&api.ocelot_password, &api.ocelot_report_password);
    found.when(
        !one.is_empty() && one == other,
        &["site_api.ocelot_report_password", "site_api.ocelot_password"],
        || {
            "`site_api.ocelot_report_password` and `site_api.ocelot_password` must differ: who may \
             read reports may not change users"
                .to_owned()
        },
    );
    let listens = !api.listen.is_empty() || !api.unix_socket.as_os_str().is_empty();
    let answers = secrets.iter().any(|(_, secret)| !secret.is_empty()) || api.xbt_pages;
    found.when(listens && !answers, &["site_api.listen", "site_api.unix_socket"], || {
        "`site_api.listen` needs the secret of the site: `site_api.ocelot_password_file` for \
         Gazelle, `site_api.unit3d_key_file` for UNIT3D"
            .to_owned()
    });
    found.when(
        !listens && answers,
        &["site_api.ocelot_password", "site_api.unit3d_key", "site_api.xbt_pages"],
        || "`site_api.listen` and `site_api.unix_socket` are empty: no site could call".to_owned(),
    );
    let public = api.listen.iter().find(|address| !address.ip().to_canonical().is_loopback());
    if let Some(address) = public.filter(|_| !api.allow_public) {
        found.when(true, &["site_api.listen", "site_api.allow_public"], || {
            format!(
                "`site_api.listen` ({address}) can be reached from other machines: use 127.0.0.1, \
                 or set `site_api.allow_public` if a private network or a firewall protects it"
            )
        });
    }
    let mode = u32::from_str_radix(&api.unix_socket_mode, 8);
    found.when(!mode.is_ok_and(|mode| mode <= 0o777), &["site_api.unix_socket_mode"], || {
        format!(
            "`site_api.unix_socket_mode` must be an octal mode such as \"0660\", unlike `{}`",
            api.unix_socket_mode
        )
    });
}

fn is_good(secret: &Secret) -> bool {
    let text = secret.expose();
    text.len() >= SECRET_CHARACTERS_MIN
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?&#".contains(&byte))
}
