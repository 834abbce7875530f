//! Which countries are on which continent.

use mika_core::selection::place::Continent;

use super::found::Country;

/// ISO 3166-1 codes by continent, for databases that say the country only. Where sources differ
/// (Russia, Turkey, Cyprus, the Caucasus), it is as GeoNames has it, which the others follow.
const COUNTRIES: [(Continent, &str); 7] = [
    (
        Continent::Africa,
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA \
         MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
    ),
    (Continent::Antarctica, "AQ BV GS HM TF"),
    (
        Continent::Asia,
        "AE AF AM AZ BD BH BN BT CC CN CX GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB \
         LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE",
    ),
    (
        Continent::Europe,
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE \
         LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK",
    ),
    (
        Continent::NorthAmerica,
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX \
         NI PA PM PR SV SX TC TT US VC VG VI",
    ),
    (
        Continent::Oceania,
        "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS",
    ),
    (Continent::SouthAmerica, "AR BO BR CL CO EC FK GF GY PE PY SR UY VE"),
];

/// The continent that a country is on.
pub(super) fn continent_of(country: Country) -> Continent {
    let has = |codes: &str| codes.split(' ').any(|code| code == country.code());
    let found = COUNTRIES.iter().find(|(_, codes)| has(codes));
    found.map(|(continent, _)| *continent).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_country_is_on_one_continent() {
        let codes: Vec<&str> = COUNTRIES.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        let unique: BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(unique.len(), codes.len());
        // The 249 of ISO 3166-1, and Kosovo.
        assert_eq!(codes.len(), 250);
        assert!(codes.iter().all(|code| Country::new(code).is_some()), "{codes:?}");
    }

    #[test]
    fn a_country_is_found_on_its_continent() {
        let of = |code| continent_of(Country::new(code).unwrap());
        assert_eq!(of("SE"), Continent::Europe);
        assert_eq!(of("za"), Continent::Africa);
        assert_eq!(of("UY"), Continent::SouthAmerica);
        assert_eq!(of("ZZ"), Continent::Unknown);
    }
}
