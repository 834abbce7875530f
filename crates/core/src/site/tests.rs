use super::*;

#[test]
fn an_order_names_each_kind_once() {
    for preset in Preset::ALL {
        let kinds = preset.profile().order.kinds();
        assert_eq!(kinds.len(), RefusalKind::ALL.len(), "{}", preset.name());
        let order = Order::of(&kinds);
        assert!(kinds.windows(2).all(|pair| order.rank(pair[0]) < order.rank(pair[1])));
    }
}

#[test]
fn a_text_asks_only_for_what_its_kind_has() {
    for preset in Preset::ALL {
        let told = preset.profile().told;
        for kind in RefusalKind::ALL {
            let has: &[&str] = match kind {
                RefusalKind::TorrentDeleted | RefusalKind::TorrentDisabled => &["{reason}"],
                RefusalKind::RoleDisabled => &["{role}"],
                RefusalKind::PortNotAllowed => &["{port}"],
                RefusalKind::TooManySessions => &["{max}"],
                RefusalKind::ParameterMissing
                | RefusalKind::NumberInvalid
                | RefusalKind::NumberTooLarge => &["{parameter}"],
                _ => &[],
            };
            let rest =
                has.iter().fold(told.text(*kind).to_owned(), |text, it| text.replace(it, ""));
            assert!(!rest.contains('{'), "{} {}", preset.name(), kind.name());
        }
    }
}

#[test]
fn only_sites_that_ask_for_more_pay_for_more_checks() {
    let more = Preset::ALL.map(|preset| preset.profile().checks_more());
    assert_eq!(more, [false, true, true, true, false]);
    let headers = Preset::ALL.map(|preset| preset.profile().reads_headers());
    assert_eq!(headers, [false, false, false, true, false]);
}
